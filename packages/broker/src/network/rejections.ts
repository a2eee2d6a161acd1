// Why connections are closed by this side. Every close of ours is counted under its reason and logged with what a person
// needs to mend it.
import type { LogFields, Logger } from '@throughline/event';
import type { CalmLog } from './calm-log.ts';

export type RejectionReason =
  | 'unsupported-api'
  | 'unsupported-version'
  | 'malformed-request'
  | 'oversize-request'
  | 'http-request'
  | 'tls-hello'
  | 'stalled-request'
  | 'unread-answers'
  | 'idle'
  | 'too-many-connections'
  | 'rejected-without-answer'
  | 'no-answer-possible'
  | 'fault';

export interface Rejection {
  readonly reason: RejectionReason;
  /** What happened, and what to do where that is known: constant text. */
  readonly message: string;
  readonly fields?: LogFields;
  /** Sent before the close: what the other side understands although it does not speak Kafka. */
  readonly closingBytes?: Uint8Array;
}

export class Rejections {
  readonly counts = new Map<RejectionReason, number>();
  readonly #log: CalmLog;
  readonly #logger: Logger;

  constructor(log: CalmLog, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  note({ reason, message, fields = {} }: Rejection, client: LogFields): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    // That an idle connection is closed, or that a test has its way, is as things should be.
    const isExpected = reason === 'idle' || reason === 'fault';
    const logger = this.#logger;
    const write = isExpected ? logger.debug.bind(logger) : logger.warn.bind(logger);
    this.#log.note(reason, write, { ...client, reason, ...fields }, message);
  }
}
