// Runs groups of test files on node:test and ends with the line `N passed, N failed, N skipped`. Node's own reporter
// prints its counts before the list of failures and once per run, so the closing line is ours.
//
// Whatever a test does, the run ends: a test has a time-out, a file's process has a grace after its last test
// (support/test-watch.ts), and a group that reports nothing for longer than a test may take is ended here.
import { globSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { inspect } from 'node:util';
import { killDescendants } from './support/process-tree.ts';

const fixedSeed = path.join(import.meta.dirname, 'support', 'fixed-seed.ts');
const watch = path.join(import.meta.dirname, 'support', 'test-watch.ts');
const compileCacheDir = path.resolve('node_modules/.cache/throughline-tests');
/** What a group may be silent beyond the time-out of a test: the grace after the last test of a file, doubled. */
const silenceMarginMs = 2 * Number(process.env['THROUGHLINE_TEST_GRACE_MS'] ?? 30_000);

/** Files that take this long are named at the end of their group, in milliseconds, and so many of them. */
const slowMs = 3000;
const slowestCount = 12;

export interface TestGroup {
  readonly name: string;
  /** A glob of test files. Each file runs in a process of its own. */
  readonly files: string;
  /** How many files run at once. */
  readonly concurrency: number;
  /** The longest that one test may take, in milliseconds; a test may name less itself. */
  readonly timeoutMs: number;
}

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Runs the files of `groups` whose group name is, or whose path contains, one of `words` (all without words); sets the
 * exit code to 1 when a test failed or none ran.
 */
export async function runGroups(groups: readonly TestGroup[], words: readonly string[]): Promise<void> {
  // Some hundred processes load the same sources: each takes what an earlier one has compiled, also those that tests start.
  process.env['NODE_COMPILE_CACHE'] ??= compileCacheDir;
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const startedMs = performance.now();
  for (const group of groups) {
    const files = globSync(group.files, { exclude: (name) => name.includes('node_modules') })
      .filter((file) => words.length === 0 || words.some((word) => group.name === word || file.includes(word)))
      .sort();
    if (files.length > 0) await runGroup(group, files, totals);
  }
  process.stdout.write(`\nall in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
  process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  process.exitCode = totals.failed === 0 && totals.passed + totals.skipped > 0 ? 0 : 1;
}

/** The files that a shorter run would have to begin with. */
function slowest(tookMs: ReadonlyMap<string, number>): [string, number][] {
  return [...tookMs]
    .filter(([, ms]) => ms >= slowMs)
    .sort(([, a], [, b]) => b - a)
    .slice(0, slowestCount);
}

async function runGroup(group: TestGroup, files: readonly string[], totals: Totals): Promise<void> {
  const startedMs = performance.now();
  process.stdout.write(`\n── ${group.name}: ${files.length} files ──\n`);
  const stream = run({
    files: [...files],
    concurrency: group.concurrency,
    timeout: group.timeoutMs,
    execArgv: [
      '--conditions=throughline-source',
      '--disable-warning=ExperimentalWarning',
      '--import',
      watch,
      '--import',
      fixedSeed,
    ],
  });
  // The reporter keeps the reason of a failure for the end of the group: here it is said at once.
  stream.on('test:fail', ({ name, file, details }) => {
    if (details.type !== 'suite')
      process.stdout.write(`${file ?? ''} > ${name}: ${inspect(reasonOf(details.error))}\n`);
  });
  const silence = watchSilence(group.timeoutMs + silenceMarginMs);
  stream.on('test:summary', (event) => {
    // Only the summary of the whole run has no file; the others would count twice.
    if (event.file !== undefined) return;
    const { tests, passed, skipped, todo } = event.counts;
    totals.passed += passed;
    totals.skipped += skipped + todo;
    totals.failed += tests - passed - skipped - todo;
  });
  const tookMs = new Map<string, number>();
  // A file is reported like a test, by its path, with the time of its process.
  stream.on('test:complete', ({ name, file, details }) => {
    if (file !== undefined && path.resolve(name) === file) tookMs.set(file, details.duration_ms);
  });
  for await (const text of stream.compose(spec)) {
    silence.heard();
    process.stdout.write(text);
  }
  silence.end();
  process.stdout.write(`${group.name} took ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`);
  for (const [file, ms] of slowest(tookMs)) {
    process.stdout.write(`  ${(ms / 1000).toFixed(1)} s  ${path.relative('.', file)}\n`);
  }
}

/** The error that a test threw; node:test wraps it. */
function reasonOf(error: Error): unknown {
  return error.cause ?? error;
}

/**
 * Ends the processes of test files that have reported nothing for `silentMs`: only a file that never gives its event loop a
 * turn gets there. node:test then counts the file as failed.
 */
function watchSilence(silentMs: number): { heard(): void; end(): void } {
  const timer = setTimeout(() => {
    const pids = killDescendants();
    process.stdout.write(`no test has ended for ${silentMs / 1000} s: ended the processes ${pids.join(', ')}\n`);
    timer.refresh();
  }, silentMs);
  return { heard: () => void timer.refresh(), end: () => clearTimeout(timer) };
}
