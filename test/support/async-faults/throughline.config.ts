// An application whose function is called asynchronously and notes what it is called with, for tests that kill it.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    worker: {
      entry: './worker.ts',
      environmentsMax: 4,
      invocationsPerEnvironment: 1,
      environment: { HISTORY_FILE: process.env['HISTORY_FILE'] ?? '' },
      maximumRetryAttempts: 2,
      retryDelaysMs: [20, 40],
      onFailure: 'kafka://worker.dead',
    },
  },
});
