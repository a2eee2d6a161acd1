// The in-process producer of one partition: all appends of one turn of the event loop become one record batch, each call
// with an acknowledgement of its own. Token events are small, and a batch costs the broker much more than a record does.
//
//   append ─┐
//   append ─┼─ end of the turn ─► one batch ─► broker ─► one acknowledgement per call
//   append ─┘
//
// There is no timer and no linger: a lone append goes out in the turn that made it. Batches are handed to the broker
// without waiting for the one before (it keeps their order) until `inFlightBytesMax` are unacknowledged; from then on
// appends gather here and go out together, so that batches grow as the disk falls behind. The records of one call are
// never divided, which is what makes a call atomic.
import { ThroughlineError, type Clock, type ProducerRecord } from '@throughline/event';
import type { PartitionLog } from '@throughline/broker';
import { batchHeaderBytes, encodeRecordBatch, recordBytesBound } from '@throughline/wire';
import type { EmbeddedLogLimits } from './defaults.ts';
import type { AppendAck } from './port.ts';

/** One call of append, or the part of it that goes to one partition. */
interface Call {
  readonly records: readonly ProducerRecord[];
  /** The most bytes that its records can take. */
  readonly bytesBound: number;
  readonly resolve: (acks: AppendAck[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface CoalescerOptions {
  readonly partitionLog: PartitionLog;
  readonly clock: Clock;
  readonly limits: EmbeddedLogLimits;
}

export class AppendCoalescer {
  readonly #options: CoalescerOptions;
  #waiting: Call[] = [];
  #waitingBytes = 0;
  #inFlightBytes = 0;
  /** The largest batch that the topic takes, as the last call said. */
  #recordBytesMax = 0;
  #isScheduled = false;
  #onDrained: (() => void)[] = [];

  constructor(options: CoalescerOptions) {
    this.#options = options;
  }

  /**
   * Checks that `records` can be appended as one batch.
   *
   * @param recordBytesMax the largest batch that the topic takes, in bytes
   * @returns the most bytes that they can take
   * @throws ThroughlineError RECORD_TOO_LARGE, INVALID_RECORD, THROTTLED
   */
  admit(records: readonly ProducerRecord[], recordBytesMax: number): number {
    const { limits, partitionLog } = this.#options;
    this.#recordBytesMax = recordBytesMax;
    let bytesBound = batchHeaderBytes;
    for (const record of records) bytesBound += recordBytesBound(record);
    if (bytesBound > recordBytesMax) {
      // The bound is a little above the truth: near the limit only the batch itself can tell.
      const { length } = encodeRecordBatch(records, { nowMs: this.#options.clock.nowMs() });
      if (length > recordBytesMax) {
        const message = `a batch of ${length} bytes for ${partitionLog.topic}, which takes ${recordBytesMax}`;
        throw new ThroughlineError('RECORD_TOO_LARGE', message, { details: { sizeBytes: length, recordBytesMax } });
      }
    }
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytesBound > limits.waitingBytesMax) {
      const { topic, partition } = partitionLog;
      throw new ThroughlineError(
        'THROTTLED',
        `${this.#waitingBytes} bytes wait to be appended to ${topic}-${partition}`,
        {
          retryAfterMs: limits.throttleMs,
          details: { topic, partition, waitingBytes: this.#waitingBytes },
        },
      );
    }
    return bytesBound;
  }

  /** Appends what `admit` let in, at the end of this turn. */
  append(records: readonly ProducerRecord[], bytesBound: number): Promise<AppendAck[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytesBound, resolve, reject });
      this.#waitingBytes += bytesBound;
      this.#schedule();
    });
  }

  /** Resolves when every append so far has been answered. */
  drained(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlightBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // A tick that is asked for by a microtask runs when all microtasks are done: whoever was resumed in this turn has
    // appended by then, however many promises deep, and no input or output has come in between.
    queueMicrotask(() => process.nextTick(this.#flush));
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const { inFlightBytesMax } = this.#options.limits;
    while (this.#waiting.length > 0 && (this.#inFlightBytes === 0 || this.#inFlightBytes < inFlightBytesMax)) {
      this.#send(this.#nextCalls());
    }
  };

  /** As many waiting calls as one batch takes, at least one. */
  #nextCalls(): readonly Call[] {
    let bytes = batchHeaderBytes;
    let count = 0;
    for (const { bytesBound } of this.#waiting) {
      if (count > 0 && bytes + bytesBound > this.#recordBytesMax) break;
      bytes += bytesBound;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const calls = this.#waiting;
    this.#waiting = [];
    return calls;
  }

  #send(calls: readonly Call[]): void {
    const { partitionLog, clock } = this.#options;
    const nowMs = clock.nowMs();
    let bytesBound = 0;
    for (const call of calls) bytesBound += call.bytesBound;
    this.#waitingBytes -= bytesBound;
    this.#inFlightBytes += bytesBound;
    const records = calls.length === 1 ? calls[0]!.records : calls.flatMap((call) => call.records);
    // What fails to encode was let in by `admit`, hence it is one call's fault only where that one stands alone.
    let appended: Promise<{ readonly baseOffset: bigint }>;
    try {
      appended = partitionLog.append(encodeRecordBatch(records, { nowMs }));
    } catch (error) {
      appended = Promise.reject(error);
    }
    appended.then(
      ({ baseOffset }) => {
        this.#acknowledge(calls, baseOffset, nowMs);
        this.#settle(bytesBound);
      },
      (error: unknown) => {
        for (const call of calls) call.reject(error);
        this.#settle(bytesBound);
      },
    );
  }

  #acknowledge(calls: readonly Call[], baseOffset: bigint, nowMs: number): void {
    const { partition } = this.#options.partitionLog;
    let offset = baseOffset;
    for (const { records, resolve } of calls) {
      const acks: AppendAck[] = [];
      for (const { timestampMs = nowMs } of records) acks.push({ partition, offset: offset++, timestampMs });
      resolve(acks);
    }
  }

  #settle(bytesBound: number): void {
    this.#inFlightBytes -= bytesBound;
    if (this.#waiting.length > 0) return this.#schedule();
    if (this.#inFlightBytes > 0) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }
}
