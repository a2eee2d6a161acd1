// An application whose function is called by a queue and notes what it is called with, for tests that kill it.
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
          type: 'queue',
          queue: 'jobs',
          batchSize: 4,
          visibilityTimeoutMs: 400,
          reportBatchItemFailures: true,
          redrive: { deadLetterQueue: 'jobs.dead', maxReceiveCount: 4 },
        },
      ],
    },
  },
});
