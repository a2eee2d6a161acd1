// Runs the file that its argument names as `npm test` runs test files (test/runner.test.ts).
import { runGroups } from '../../../scripts/run-tests.ts';

const files = `test/support/endless/${process.argv[2]}`;
await runGroups([{ name: 'endless', files, concurrency: 1, timeoutMs: 1000 }], []);
