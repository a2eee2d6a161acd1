// Where the server's log lines go: <data-dir>/server.log as JSON (pino), and what is at least a warning also to standard
// error as one plain line, so that a terminal shows trouble and nothing else.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Logger, LogFields } from '@throughline/event';
import { destination, pino } from 'pino';

export interface ServerLog extends Logger {
  /** Writes what is still buffered. */
  flush(): void;
}

export function serverLog(dataDir: string): ServerLog {
  mkdirSync(dataDir, { recursive: true });
  const file = destination({ dest: path.join(dataDir, 'server.log'), sync: true, append: true });
  const lines = pino({ base: { pid: process.pid }, level: 'info', timestamp: pino.stdTimeFunctions.isoTime }, file);
  const toTerminal = (level: string, fields: LogFields, message: string): void => {
    const { error, ...rest } = fields;
    const reason = error instanceof Error ? `: ${error.message}` : '';
    const facts = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
    process.stderr.write(`${level} ${message}${reason}${facts.length > 0 ? ` (${facts.join(' ')})` : ''}\n`);
  };
  return {
    debug: (fields, message) => lines.debug(plain(fields), message),
    info: (fields, message) => lines.info(plain(fields), message),
    warn(fields, message) {
      lines.warn(plain(fields), message);
      toTerminal('warning', fields, message);
    },
    error(fields, message) {
      lines.error(plain(fields), message);
      toTerminal('error', fields, message);
    },
    flush: () => file.flushSync(),
  };
}

/** pino serialises `err`; the floors below say `error`. */
function plain(fields: LogFields): Record<string, unknown> {
  const { error, ...rest } = fields;
  return error === undefined ? rest : { ...rest, err: error };
}
