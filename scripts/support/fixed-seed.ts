// Loaded before each test file (run-tests.ts): properties of fast-check are tried with the same values in every run, so that a run
// fails for a change and not by chance. Another seed finds other things: SEED=4711 npm test -- unit. `npm run test:long` takes a new one.
import { readFileSync } from 'node:fs';
import { seed } from '../../test/support/seed.ts';

// The library takes longer to load than most test files need to run.
const text = readFileSync(process.argv[1] ?? '', 'utf8');
if (/fast-check|log-model/.test(text)) {
  const { configureGlobal } = await import('fast-check');
  configureGlobal({ seed });
}
