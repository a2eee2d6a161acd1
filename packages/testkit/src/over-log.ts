// A log that is another one in all but what a test says.
import type { Log } from '@throughline/log';

/**
 * `log` with some of its methods replaced.
 *
 * @example overLog(log, { read: async () => { throw new ThroughlineError('CORRUPT_RECORD', 'rot') } })
 */
export function overLog(log: Log, replaced: Partial<Log>): Log {
  return {
    append: (...args) => log.append(...args),
    read: (...args) => log.read(...args),
    tail: (...args) => log.tail(...args),
    join: (...args) => log.join(...args),
    admin: log.admin,
    close: () => log.close(),
    ...replaced,
  };
}
