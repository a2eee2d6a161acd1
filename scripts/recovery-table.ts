// Writes docs/operating/recovery.md from the table of recovery cases; `--check` only says whether it is up to date.
//
//   node scripts/run.mjs scripts/recovery-table.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { recoveryPage } from './support/recovery-page.ts';

const file = path.join(import.meta.dirname, '..', 'docs', 'operating', 'recovery.md');
const page = recoveryPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/operating/recovery.md is stale: node scripts/run.mjs scripts/recovery-table.ts');
  process.exitCode = 1;
}
