// A view of a log: the same log in all but what the view says. Every view hands on the whole port by this, so that what the port
// gains does not get lost on the way.
import type { Log, LogAdmin } from './port/port.ts';

/** What a view does in its own way; what is absent goes to the log. */
export interface LogView extends Partial<Omit<Log, 'admin'>> {
  readonly admin?: Partial<LogAdmin>;
}

/**
 * `log` with some of its methods replaced.
 *
 * @example const logged = overLog(log, { append: (topic, records) => (count(topic), log.append(topic, records)) })
 */
export function overLog(log: Log, view: LogView): Log {
  const { admin } = log;
  return {
    append: (...args) => log.append(...args),
    read: (...args) => log.read(...args),
    readBatches: (...args) => log.readBatches(...args),
    appendBatches: (...args) => log.appendBatches(...args),
    tail: (...args) => log.tail(...args),
    join: (...args) => log.join(...args),
    close: () => log.close(),
    ...view,
    admin: {
      createTopic: (...args) => admin.createTopic(...args),
      deleteTopic: (...args) => admin.deleteTopic(...args),
      topics: () => admin.topics(),
      describeTopic: (...args) => admin.describeTopic(...args),
      alterTopic: (...args) => admin.alterTopic(...args),
      offsetForTime: (...args) => admin.offsetForTime(...args),
      endOfEpoch: (...args) => admin.endOfEpoch(...args),
      seal: (...args) => admin.seal(...args),
      beginEpoch: (...args) => admin.beginEpoch(...args),
      committedOffsets: (...args) => admin.committedOffsets(...args),
      commitOffsets: (...args) => admin.commitOffsets(...args),
      ...view.admin,
    },
  };
}
