// `throughline logs [FUNCTION]`: what functions print and how their invocations end, from server.log of the data folder;
// without a name also the server's own warnings. It needs no running server: after a crash the log is what is left.
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ThroughlineError } from '@throughline/event';
import * as z from 'zod';
import * as defaults from '../defaults.ts';
import { plainLine, serverLogName } from '../terminal/log-line.ts';
import { countOption, dataDirOption, type Options } from './options.ts';
import { printJsonText, printLine } from '../terminal/output.ts';

const lineSchema = z.looseObject({
  /** pino's: 30 info, 40 warning, 50 error. */
  level: z.int(),
  time: z.string(),
  msg: z.string(),
  function: z.string().optional(),
  /** What a function has printed. */
  line: z.string().optional(),
});
type Line = z.infer<typeof lineSchema>;
const warningLevel = 40;

/** The last lines of the server's log that are wanted. @throws ThroughlineError SERVER_NOT_RUNNING */
export function lastLines(options: Options, isWanted: (line: string) => boolean, limit: number): readonly string[] {
  const { text } = readFrom(logFile(options), undefined);
  return limit === 0 ? [] : text.split('\n').filter(isWanted).slice(-limit);
}

function logFile(options: Options): string {
  const file = path.join(dataDirOption(options), serverLogName);
  if (existsSync(file)) return file;
  throw new ThroughlineError('SERVER_NOT_RUNNING', `there is no ${file}: no server ran here yet`);
}

export async function run(options: Options, [functionName]: readonly string[]): Promise<void> {
  const file = logFile(options);
  const limit = countOption(options, 'limit') ?? defaults.logLinesMax;
  const print = (line: string): void => (options['json'] === true ? printJsonText(line) : printLine(readable(line)));
  const isWanted = (line: string): boolean => wants(line, functionName);
  let { text, end } = readFrom(file, undefined);
  if (limit > 0) text.split('\n').filter(isWanted).slice(-limit).forEach(print);
  while (options['follow'] === true) {
    await pause(defaults.logPollMs);
    ({ text, end } = readFrom(file, end));
    text.split('\n').filter(isWanted).forEach(print);
  }
}

/** The whole lines from byte `start` (the last ones where undefined) and where they end; from 0 when the file was turned. */
function readFrom(name: string, start: number | undefined): { text: string; end: number } {
  const file = openSync(name, 'r');
  try {
    const { size } = fstatSync(file);
    const first = Math.max(0, size - defaults.logBytesMax);
    const from = start === undefined || start > size ? first : Math.max(start, first);
    const bytes = Buffer.alloc(size - from);
    const read = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
    const whole = read.subarray(0, read.lastIndexOf('\n') + 1);
    return { text: whole.toString('utf8'), end: from + whole.length };
  } finally {
    closeSync(file);
  }
}

function wants(line: string, functionName: string | undefined): boolean {
  const parsed = parseLine(line);
  if (parsed === undefined) return false;
  if (functionName !== undefined) return parsed.function === functionName;
  return parsed.function !== undefined || parsed.level >= warningLevel;
}

function readable(line: string): string {
  const { level, time, msg, function: name, line: printed, pid: _pid, err, ...facts } = parseLine(line) as Line;
  const who = name ?? 'server';
  if (printed !== undefined) return `${time} ${who}  ${printed}`;
  const reason = (err as { message?: string } | undefined)?.message;
  const mark = level >= warningLevel ? (level > warningLevel ? 'error ' : 'warning ') : '';
  return `${time} ${who}  ${mark}${plainLine({ ...facts, ...(reason === undefined ? {} : { reason }) }, msg)}`;
}

/** Undefined for what is no line of ours: the tail of a file may begin in the middle of one. */
function parseLine(line: string): Line | undefined {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch {
    // A cut line is left out; the next one is whole.
    return undefined;
  }
}
