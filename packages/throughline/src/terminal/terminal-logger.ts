// What a library logs, for a command that runs in a terminal: what is at least a warning, as one plain line on standard
// error.
import type { Logger, LogFields } from '@throughline/event';
import { plainLine } from './log-line.ts';
import { say } from './output.ts';

const write =
  (level: string) =>
  (fields: LogFields, message: string): void =>
    say(`${level} ${plainLine(fields, message)}`);

export const terminalLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: write('warning'),
  error: write('error'),
};
