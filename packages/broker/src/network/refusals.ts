// Why connections are closed by this side. Every close of ours is counted under its reason and logged with what a person
// needs to mend it; a client that comes again and again is logged once in a while, not each time.
import type { Clock, Logger, LogFields } from '@throughline/event';
import { refusalLogIntervalMs } from '../defaults.ts';

export type RefusalReason =
  | 'unsupported-api'
  | 'unsupported-version'
  | 'malformed-request'
  | 'oversize-request'
  | 'http-on-kafka-port'
  | 'tls-on-kafka-port'
  | 'request-stalled'
  | 'answers-not-read'
  | 'connection-idle'
  | 'too-many-connections'
  | 'no-answer-possible'
  | 'fault-injected';

export interface Refusal {
  readonly reason: RefusalReason;
  /** What happened and what to do about it: constant text. */
  readonly message: string;
  readonly fields?: LogFields;
}

export class Refusals {
  readonly counts = new Map<RefusalReason, number>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #logged = new Map<RefusalReason, { atMs: number; unloggedCount: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  note({ reason, message, fields = {} }: Refusal, connection: LogFields): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    const nowMs = this.#clock.monotonicMs();
    const last = this.#logged.get(reason);
    if (last !== undefined && nowMs - last.atMs < refusalLogIntervalMs) {
      last.unloggedCount++;
      return;
    }
    this.#logged.set(reason, { atMs: nowMs, unloggedCount: 0 });
    const unlogged = last === undefined || last.unloggedCount === 0 ? {} : { alsoUnlogged: last.unloggedCount };
    const all = { ...connection, reason, ...fields, ...unlogged };
    // An idle connection that is closed is as things should be.
    if (reason === 'connection-idle') this.#logger.debug(all, message);
    else this.#logger.warn(all, message);
  }
}
