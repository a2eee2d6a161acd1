// npm run bench: every benchmark, one after the other and alone, each in a process of its own and with its peer or floor
// in the same run; then one table of all figures against their bars.
//
//   npm run bench -- log-append         only files whose name contains a word
//   npm run bench -- --save             also writes bench/baselines/<machine>.json
//
// A bench file prints its own table and writes { figures: [{ name, value, unit, bar?, peer?, note? }] } to $BENCH_JSON.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Figure } from '../bench/support/figures.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const isSaving = process.argv.includes('--save');
const scratch = mkdtempSync(path.join(os.tmpdir(), 'throughline-bench-'));
const results: Record<string, readonly Figure[]> = {};
let hasFailed = false;

for (const file of globSync('bench/*.bench.ts').sort()) {
  if (words.length > 0 && !words.some((word) => file.includes(word))) continue;
  process.stdout.write(`\n── ${file} ──\n`);
  const json = path.join(scratch, `${path.basename(file)}.json`);
  const { status } = spawnSync(
    process.execPath,
    ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', file],
    {
      stdio: 'inherit',
      env: { ...process.env, BENCH_JSON: json },
    },
  );
  if (status === 0) results[file] = readFigures(json);
  else hasFailed = true;
}
rmSync(scratch, { recursive: true, force: true });
printSummary();
if (isSaving) save();
process.exitCode = hasFailed ? 1 : 0;

function readFigures(json: string): readonly Figure[] {
  const { figures } = JSON.parse(readFileSync(json, 'utf8')) as { figures: readonly Figure[] };
  return figures;
}

function printSummary(): void {
  const rows = Object.entries(results).flatMap(([file, figures]) =>
    figures.map((figure) => [
      path.basename(file),
      figure.name,
      numberText(figure.value),
      figure.unit,
      figure.bar ?? '',
      verdict(figure),
      figure.peer ?? '',
    ]),
  );
  const table = [['bench', 'figure', 'value', 'unit', 'bar', '', 'peer or floor'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  process.stdout.write(
    `\n${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.cpus().length} cores, Node ${process.version}\n`,
  );
  for (const row of table)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    );
}

/** A bar is a goal, not a test: whether it is met is shown, and nothing fails. */
function verdict({ value, bar }: Figure): string {
  const match = /^(<=|>=)\s*([\d.]+)/.exec(bar ?? '');
  if (match === null) return '';
  const limit = Number(match[2]);
  return (match[1] === '<=' ? value <= limit : value >= limit) ? 'met' : 'NOT MET';
}

function numberText(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

interface Baseline {
  /** Of the last run that wrote it. */
  readonly date: string;
  readonly processor: string | undefined;
  readonly node: string;
  readonly results: Readonly<Record<string, readonly Figure[]>>;
}

function save(): void {
  const machine = `${process.platform}-${process.arch}-${os.cpus().length}-cores`;
  const file = path.join('bench', 'baselines', `${machine}.json`);
  mkdirSync(path.dirname(file), { recursive: true });
  // Files that were not run keep their figures.
  const stored =
    words.length > 0 && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Baseline) : undefined;
  const content: Baseline = {
    date: new Date().toISOString().slice(0, 10),
    processor: os.cpus()[0]?.model,
    node: process.version,
    results: { ...stored?.results, ...results },
  };
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  process.stdout.write(`\nsaved as ${file}\n`);
}
