// npm test: everything that needs no more than Node, npm and (where present) Python.
//
//   npm test                        all of it
//   npm test -- unit broker         only groups and paths that contain one of these words
//
// Two files run at a time; those that drive a browser run alone.
import { runGroups } from './run-tests.ts';

await runGroups(
  [
    { name: 'tidy', files: 'test/*.test.ts', concurrency: 1, timeoutMs: 180_000 },
    { name: 'unit', files: '{packages,examples}/**/*.test.{ts,tsx}', concurrency: 2, timeoutMs: 60_000 },
    { name: 'conformance', files: 'test/conformance/**/*.test.ts', concurrency: 2, timeoutMs: 120_000 },
    { name: 'simulation', files: 'test/{checker,simulation,fuzz}/**/*.test.ts', concurrency: 2, timeoutMs: 120_000 },
    { name: 'integration', files: 'test/integration/**/*.test.ts', concurrency: 2, timeoutMs: 240_000 },
    { name: 'fault', files: 'test/fault/**/*.test.ts', concurrency: 2, timeoutMs: 300_000 },
    { name: 'e2e', files: 'test/e2e/**/*.test.ts', concurrency: 1, timeoutMs: 240_000 },
  ],
  process.argv.slice(2),
);
