// Writes docs/reference/errors.md from the closed error table; `--check` only says whether it is up to date.
//
//   node scripts/run.mjs scripts/errors-table.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorsPage } from './support/errors-page.ts';

const file = path.join(import.meta.dirname, '..', 'docs', 'reference', 'errors.md');
const page = errorsPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/reference/errors.md is stale: node scripts/run.mjs scripts/errors-table.ts');
  process.exitCode = 1;
}
