// Writes docs/reference/kafka-compatibility.md from the registry of the broker and the list of meant differences that the
// oracle test goes by; `--check` only says whether it is up to date.
//
//   node scripts/run.mjs scripts/kafka-compatibility.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { kafkaCompatibilityPage } from './support/kafka-compatibility-page.ts';

const file = path.join(import.meta.dirname, '..', 'docs', 'reference', 'kafka-compatibility.md');
const page = kafkaCompatibilityPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/reference/kafka-compatibility.md is stale: node scripts/run.mjs scripts/kafka-compatibility.ts');
  process.exitCode = 1;
}
