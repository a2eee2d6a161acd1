// How commands speak: data on standard output (a table, or JSON with --json), everything else on standard error, and one
// line that says what to do when something fails.
import { ThroughlineError } from '@throughline/event';

/** Prints rows as aligned columns, the first row being the heading. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  for (const row of rows) {
    const line = row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ');
    printLine(line.trimEnd());
  }
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, jsonSafe, 2));
}

function jsonSafe(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Says what failed and what to do, and makes the process exit with 1. */
export function fail(error: unknown, asJson: boolean): void {
  const known = ThroughlineError.from(error);
  if (asJson) printLine(JSON.stringify({ error: known }));
  say(`throughline: ${known.message.replaceAll(/\s*\n\s*/g, ' ')} [${known.code}] ${known.remedy}`);
  process.exitCode = 1;
}

/** Bytes as people read them. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
