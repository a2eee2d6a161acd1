// Writes docs/reference/kafka-settings.md from the broker's tables of settings; `--check` only says whether it is up to date.
//
//   node scripts/run.mjs scripts/kafka-settings.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { kafkaSettingsPage } from './support/kafka-settings-page.ts';

const file = path.join(import.meta.dirname, '..', 'docs', 'reference', 'kafka-settings.md');
const page = kafkaSettingsPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/reference/kafka-settings.md is stale: node scripts/run.mjs scripts/kafka-settings.ts');
  process.exitCode = 1;
}
