// npm run test:judges: foreign suites and tools that need their own toolchain (Java, later C, Go, Python). Each judge
// skips loudly, with its reason, where its toolchain or the folder of judges beside the repository is missing.
import { runGroups } from './run-tests.ts';

await runGroups(
  [{ name: 'judges', files: 'test/judges/**/*.test.ts', concurrency: 1, timeoutMs: 900_000 }],
  process.argv.slice(2),
);
