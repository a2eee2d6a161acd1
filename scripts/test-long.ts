// npm run test:long: the same fault and property tests with far more rounds (THROUGHLINE_ROUNDS multiplies them); hours.
import { runGroups } from './run-tests.ts';

const roundsFactor = 20;
process.env['THROUGHLINE_ROUNDS'] ??= String(roundsFactor);
await runGroups(
  [
    { name: 'fault', files: 'test/fault/**/*.test.ts', concurrency: 1, timeoutMs: 7_200_000 },
    { name: 'simulation', files: 'test/{checker,simulation,fuzz}/**/*.test.ts', concurrency: 2, timeoutMs: 36_000_000 },
    { name: 'conformance', files: 'test/conformance/**/*.test.ts', concurrency: 1, timeoutMs: 7_200_000 },
    // All of librdkafka's programme that judges us, not only the quick part: some fifteen minutes. And 200 random sessions.
    { name: 'judges', files: 'test/judges/{librdkafka,oracle}.test.ts', concurrency: 1, timeoutMs: 7_200_000 },
  ],
  process.argv.slice(2),
);
