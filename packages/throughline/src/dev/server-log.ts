// Where the server's log lines go: <data-dir>/server.log as JSON (pino), and what is at least a warning also to standard
// error as one plain line, so that a terminal shows trouble and nothing else. Names and ids in them are other people's text,
// and the file is read on a terminal too: what a terminal obeys is escaped in both.
import path from 'node:path';
import type { Logger, LogFields } from '@throughline/event';
import { pino } from 'pino';
import { escapeJson } from '../terminal/foreign-text.ts';
import { say } from '../terminal/output.ts';
import { serverLogBytesMax } from '../defaults.ts';
import { LogFile } from './log-file.ts';
import { plainLine, serverLogName } from '../terminal/log-line.ts';

export interface ServerLog extends Logger {
  close(): void;
}

/** The log of the server of a data folder, which must be there. */
export function serverLog(dataDir: string): ServerLog {
  const name = path.join(dataDir, serverLogName);
  const file = new LogFile(name, serverLogBytesMax, (error) =>
    say(`warning ${name} cannot be written, its lines are lost: ${error.message}`),
  );
  const escaped = { write: (line: string): void => file.write(escapeJson(line)) };
  const lines = pino({ base: { pid: process.pid }, level: 'info', timestamp: pino.stdTimeFunctions.isoTime }, escaped);
  const toTerminal = (level: string, fields: LogFields, message: string): void => {
    say(`${level} ${plainLine(fields, message)}`);
  };
  return {
    debug: (fields, message) => lines.debug(forPino(fields), message),
    info: (fields, message) => lines.info(forPino(fields), message),
    warn(fields, message) {
      lines.warn(forPino(fields), message);
      toTerminal('warning', fields, message);
    },
    error(fields, message) {
      lines.error(forPino(fields), message);
      toTerminal('error', fields, message);
    },
    close: () => file.close(),
  };
}

/** pino serialises `err`; the floors below say `error`. */
function forPino({ error, ...rest }: LogFields): Record<string, unknown> {
  return error === undefined ? rest : { ...rest, err: error };
}
