// What every benchmark ends with: an aligned table for people, and its figures as JSON for scripts/bench.ts.
import { writeFileSync } from 'node:fs';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal, for instance `<= 5` or `>= 100000`; shown beside the value, never enforced. */
  readonly bar?: string;
  /** What it stands beside, measured in the same run. */
  readonly peer?: string;
  readonly note?: string;
}

/** Prints the figures and hands them to the bench runner. */
export function report(title: string, figures: readonly Figure[]): void {
  const rows = figures.map((figure) => [
    figure.name,
    round(figure.value),
    figure.unit,
    figure.bar ?? '',
    figure.peer ?? '',
    figure.note ?? '',
  ]);
  const table = [['figure', 'value', 'unit', 'bar', 'peer or floor', ''], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  process.stdout.write(`${title}\n`);
  for (const row of table)
    process.stdout.write(
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    );
  const file = process.env['BENCH_JSON'];
  if (file !== undefined) writeFileSync(file, JSON.stringify({ figures }));
}

/** The value below which `share` of the sorted samples lie. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Three significant digits, thousands apart. */
export function round(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
