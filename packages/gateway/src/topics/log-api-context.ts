// What the endpoints of topics and records work with, in a server and without one.
import type { Clock, Logger } from '@throughline/event';
import type { Log } from '@throughline/log';

export interface LogApiContext {
  readonly log: Log;
  /** The largest body of a request, in bytes. */
  readonly bodyBytesMax: number;
  /** The longest wait of a long-poll read, in milliseconds. */
  readonly longPollMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when no more is read. */
  readonly closing: AbortSignal;
}
