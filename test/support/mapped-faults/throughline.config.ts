// An application whose function is called by a topic and notes what it is called with, for tests that kill it.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    worker: {
      entry: './worker.ts',
      environmentsMax: 4,
      invocationsPerEnvironment: 1,
      environment: { HISTORY_FILE: process.env['HISTORY_FILE'] ?? '' },
      triggers: [
        {
          type: 'kafka',
          topic: 'jobs',
          batchSize: 8,
          batchWindowMs: 0,
          parallelizationFactor: 2,
          reportBatchItemFailures: true,
          maximumRetryAttempts: 2,
          onFailure: 'kafka://jobs.dead',
        },
      ],
    },
  },
});
