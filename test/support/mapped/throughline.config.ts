// An application whose function is called by topics: it keeps every event that it was given in a file, and does with each value what
// that says.
import { defineConfig } from 'throughline';

const environment = { INVOCATIONS_FILE: process.env['INVOCATIONS_FILE'] ?? '' };

export default defineConfig({
  functions: {
    worker: {
      entry: './worker.ts',
      environment,
      triggers: [
        {
          type: 'kafka',
          topic: 'jobs',
          batchWindowMs: 0,
          reportBatchItemFailures: true,
          maximumRetryAttempts: 2,
          onFailure: 'kafka://jobs.dead',
        },
        { type: 'stream', topic: 'clicks', bisectBatchOnFunctionError: true, maximumRetryAttempts: 1 },
      ],
    },
    other: { entry: './worker.ts', environment },
  },
});
