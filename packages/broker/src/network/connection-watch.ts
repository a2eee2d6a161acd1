// What stands still on a connection: a request that has begun to come and comes no further, answers that nobody reads, or
// nothing at all for a long time. The server looks at all connections once in a while, so that none needs a timer.
import type { Rejection } from './rejections.ts';
import type { ConnectionLimits } from './server-context.ts';

/** A connection as it stands. */
export interface ConnectionState {
  /** Bytes received since it came. */
  readonly receivedBytes: number;
  /** Bytes sent since it came and taken by the network, as far as that is known. */
  readonly sentBytes: number;
  readonly unsentBytes: number;
  /** A part of a request has come, and reading goes on. */
  readonly isWithinRequest: boolean;
  /** Requests are being handled, or wait for their turn. */
  readonly isBusy: boolean;
}

export class ConnectionWatch {
  /** When something was last received or sent, as far as the looks could tell. */
  #movedAtMs: number;
  #moved = 0;
  /** When the request that is coming was last found to have come further. */
  #progressAtMs: number;
  #progressBytes = 0;

  constructor(nowMs: number) {
    this.#movedAtMs = nowMs;
    this.#progressAtMs = nowMs;
  }

  /** Why the connection is to be closed now, if it is. */
  look(nowMs: number, state: ConnectionState, limits: ConnectionLimits): Rejection | undefined {
    const moved = state.receivedBytes + state.sentBytes;
    if (moved !== this.#moved) {
      this.#moved = moved;
      this.#movedAtMs = nowMs;
    }
    const stillMs = nowMs - this.#movedAtMs;
    if (state.unsentBytes > 0 && stillMs >= limits.connectionIdleMs) return unreadAnswers(state, stillMs);
    if (state.isBusy || state.unsentBytes > 0) {
      this.#progressAtMs = nowMs;
      return undefined;
    }
    if (!state.isWithinRequest) {
      this.#progressAtMs = nowMs;
      this.#progressBytes = state.receivedBytes;
      return stillMs >= limits.connectionIdleMs ? idle(stillMs) : undefined;
    }
    return this.#lookAtRequest(nowMs, state, limits);
  }

  #lookAtRequest(
    nowMs: number,
    { receivedBytes }: ConnectionState,
    { requestStallMs, requestProgressBytes }: ConnectionLimits,
  ): Rejection | undefined {
    if (receivedBytes - this.#progressBytes >= requestProgressBytes) {
      this.#progressBytes = receivedBytes;
      this.#progressAtMs = nowMs;
    }
    if (nowMs - this.#progressAtMs < requestStallMs) return undefined;
    return {
      reason: 'stalled-request',
      message: 'closed a connection that had sent a part of a request and not the rest',
      fields: { stillMs: nowMs - this.#progressAtMs },
    };
  }
}

function idle(stillMs: number): Rejection {
  return { reason: 'idle', message: 'closed a connection that had not been used for long', fields: { stillMs } };
}

function unreadAnswers({ unsentBytes }: ConnectionState, stillMs: number): Rejection {
  return {
    reason: 'unread-answers',
    message: 'closed a connection that did not read its answers',
    fields: { unsentBytes, stillMs },
  };
}
