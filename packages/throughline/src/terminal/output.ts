// How commands and the server speak: data on standard output (a table, or JSON with --json), everything else on standard
// error, and one line that says what to do when something fails. Nothing else in this package writes to either, which a test
// of the repository sees to: so whatever a stranger wrote is escaped, wherever it is printed (foreign-text.ts).
import { ThroughlineError } from '@throughline/event';
import { tableCellCharactersMax } from '../defaults.ts';
import { escapeForeign, escapeJson } from './foreign-text.ts';

/**
 * Prints rows as aligned columns, the first row being the heading. A cell is cut where it is longer than anybody reads: one of
 * a stranger (the id of a group may have 32,767 letters) would push the columns of every other row out of sight. The last cell of a row pushes none.
 */
export function printTable(rows: readonly (readonly string[])[]): void {
  const shown = rows.map((row) =>
    row.map((cell, index) => (index === row.length - 1 ? escapeForeign(cell) : shortened(escapeForeign(cell)))),
  );
  const widths: number[] = [];
  for (const row of shown) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  for (const row of shown) {
    const line = row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ');
    printLine(line.trimEnd());
  }
}

function shortened(cell: string): string {
  const characters = cell.length > tableCellCharactersMax ? Array.from(cell) : [];
  if (characters.length <= tableCellCharactersMax) return cell;
  return `${characters.slice(0, tableCellCharactersMax - 1).join('')}…`;
}

/** Prints one line: a line feed in it is escaped like everything else that a terminal would obey. */
export function printLine(line: string): void {
  process.stdout.write(`${escapeForeign(line)}\n`);
}

/** Prints a value as JSON over several lines. */
export function printJson(value: unknown): void {
  printJsonText(JSON.stringify(value, jsonSafe, 2));
}

/** Prints a value as one line of JSON. */
export function printJsonLine(value: unknown): void {
  printJsonText(JSON.stringify(value, jsonSafe));
}

/** Prints JSON that is text already. */
export function printJsonText(json: string): void {
  process.stdout.write(`${escapeJson(json)}\n`);
}

function jsonSafe(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Says one line on standard error. */
export function say(text: string, onWritten?: () => void): void {
  process.stderr.write(`${escapeForeign(text)}\n`, onWritten);
}

/** Says text of several lines that this program itself made, in one write: help, or a stack. */
export function sayLines(text: string): void {
  process.stderr.write(escapedLines(linesOf(text)));
}

/** Prints lines in one write: a program that waits for the first line of a banner has the whole of it. */
export function printLines(lines: readonly string[]): void {
  process.stdout.write(escapedLines(lines));
}

/** The lines of a text that this program itself made. */
export function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}

function escapedLines(lines: readonly string[]): string {
  return lines.map((line) => `${escapeForeign(line)}\n`).join('');
}

/** Says what failed and what to do, and makes the process exit with 1. */
export function fail(error: unknown, asJson: boolean): void {
  const known = ThroughlineError.from(error);
  if (asJson) printJsonLine({ error: known });
  say(failureLine(known));
  process.exitCode = 1;
}

/** What failed and what to do, as one line. */
export function failureLine({ code, message, remedy }: { code: string; message: string; remedy: string }): string {
  return `throughline: ${message.replaceAll(/\s*\n\s*/g, ' ')} [${code}] ${remedy}`;
}

/** A count with its noun: `1 record`, `2 records`. */
export function countText(count: number | bigint, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 || count === 1n ? one : many}`;
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
