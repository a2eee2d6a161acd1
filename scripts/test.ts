// Runs every test once and ends with the line `N passed, N failed, N skipped` (docs/reference: npm test).
//
//   npm test                        everything that needs no more than Node, npm and (where present) Python
//   npm test -- unit broker         only groups and paths that contain one of these words
//
// Each file runs in a process of its own. Unit, integration and conformance files run two at a time; files that kill
// processes, measure or drive a browser run alone, one after the other.
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

interface Group {
  readonly name: string;
  readonly files: string;
  readonly concurrency: number;
  readonly timeoutMs: number;
}
const groups: readonly Group[] = [
  { name: 'tidy', files: 'test/*.test.ts', concurrency: 1, timeoutMs: 180_000 },
  { name: 'unit', files: '{packages,examples}/**/*.test.ts', concurrency: 2, timeoutMs: 60_000 },
  { name: 'conformance', files: 'test/conformance/**/*.test.ts', concurrency: 2, timeoutMs: 120_000 },
  { name: 'integration', files: 'test/integration/**/*.test.ts', concurrency: 2, timeoutMs: 120_000 },
  { name: 'fault', files: 'test/fault/**/*.test.ts', concurrency: 1, timeoutMs: 300_000 },
  { name: 'e2e', files: 'test/e2e/**/*.test.ts', concurrency: 1, timeoutMs: 180_000 },
];

const words = process.argv.slice(2);
const totals = { passed: 0, failed: 0, skipped: 0 };
const startedMs = performance.now();
for (const group of groups) {
  const files = globSync(group.files, { exclude: (name) => name.includes('node_modules') })
    .filter((file) => words.length === 0 || words.some((word) => group.name === word || file.includes(word)))
    .sort();
  if (files.length > 0) await runGroup(group, files);
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
process.stdout.write(`\nall groups in ${seconds} s\n`);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

async function runGroup(group: Group, files: readonly string[]): Promise<void> {
  process.stdout.write(`\n── ${group.name}: ${files.length} files ──\n`);
  const stream = run({
    files: [...files],
    concurrency: group.concurrency,
    timeout: group.timeoutMs,
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
  });
  stream.on('test:summary', (event) => {
    // Only the summary of the whole run has no file; the others would count twice.
    if (event.file !== undefined) return;
    const { tests, passed, skipped, todo } = event.counts;
    totals.passed += passed;
    totals.skipped += skipped + todo;
    totals.failed += tests - passed - skipped - todo;
  });
  for await (const text of stream.compose(spec)) process.stdout.write(text);
}
