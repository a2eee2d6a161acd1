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
import { batchHeaderBytes, encodeRecordBatch, recordBytesBound } from '@throughline/wire';
import type { AppendAck, AppendCondition } from './port.ts';

/** Where the batches of one partition go: a partition of the broker in this process, or of one far away. */
export interface BatchTarget {
  readonly topic: string;
  readonly partition: number;
  /** Appends a batch, which is the target's own from here on; batches are appended in the order of the calls. */
  append(batch: Uint8Array): Promise<AppendedAt>;
  /** Appends a batch only if `condition` is so when its turn comes; absent where that cannot be asked for. */
  appendIf?(batch: Uint8Array, condition: AppendCondition): Promise<AppendedAt>;
}

export interface AppendedAt {
  readonly baseOffset: bigint;
  /** The time that all records of the batch were given, in milliseconds; absent where each keeps its own. */
  readonly appendTimeMs?: number;
}

export interface CoalescerLimits {
  /** Bytes that may be unacknowledged while more is sent; 1 sends batch after batch. */
  readonly inFlightBytesMax: number;
  /** Bytes that may wait behind those; beyond it `append` throws THROTTLED. */
  readonly waitingBytesMax: number;
  /** When whoever was rejected may come again, in milliseconds. */
  readonly throttleMs: number;
}

/** One call of append, or the part of it that goes to one partition. */
interface Call {
  readonly records: readonly ProducerRecord[];
  /** The most bytes that its records can take. */
  readonly bytesBound: number;
  /** It goes out by itself, and only if this is so. */
  readonly condition: AppendCondition | undefined;
  readonly resolve: (acks: AppendAck[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface CoalescerOptions {
  readonly target: BatchTarget;
  readonly clock: Clock;
  readonly limits: CoalescerLimits;
}

/** The part of a call of append that goes to one partition. */
export interface AppendPart {
  readonly coalescer: AppendCoalescer;
  readonly records: readonly ProducerRecord[];
  /** The largest batch that the topic takes, in bytes. */
  readonly recordBytesMax: number;
}

export class AppendCoalescer {
  readonly #options: CoalescerOptions;
  #waiting: Call[] = [];
  #waitingBytes = 0;
  #inFlightBytes = 0;
  #sentCount = 0;
  /** The largest batch that the topic takes, as the last call said. */
  #recordBytesMax = 0;
  #isScheduled = false;
  #onDrained: (() => void)[] = [];

  constructor(options: CoalescerOptions) {
    this.#options = options;
  }

  /**
   * Appends records as a part of one batch, at the end of this turn.
   *
   * @param recordBytesMax the largest batch that the topic takes, in bytes
   * @param condition makes them a batch of their own, which is appended only if it is so
   * @returns one acknowledgement per record, once they are kept
   * @throws ThroughlineError in the call: RECORD_TOO_LARGE, INVALID_RECORD, THROTTLED; nothing waits then
   */
  append(
    records: readonly ProducerRecord[],
    recordBytesMax: number,
    condition?: AppendCondition,
  ): Promise<AppendAck[]> {
    return this.#queue(records, this.#boundOf(records, recordBytesMax), condition);
  }

  /**
   * Appends the parts of one call, which go to several partitions: all of them wait then, or none.
   *
   * @throws ThroughlineError as `append`
   */
  static appendTogether(parts: readonly AppendPart[]): Promise<AppendAck[]>[] {
    const bounds = parts.map(({ coalescer, records, recordBytesMax }) => coalescer.#boundOf(records, recordBytesMax));
    return parts.map(({ coalescer, records }, index) => coalescer.#queue(records, bounds[index]!));
  }

  /** Hands everything over that waits behind what is under way, which may wait for a disk that stays full. */
  handOver(): void {
    while (this.#waiting.length > 0) this.#send(this.#nextCalls());
  }

  /** Resolves when every append so far has been answered. */
  drained(): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlightBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  /**
   * The most bytes that `records` can take.
   *
   * @throws ThroughlineError RECORD_TOO_LARGE, INVALID_RECORD, THROTTLED when they cannot wait here
   */
  #boundOf(records: readonly ProducerRecord[], recordBytesMax: number): number {
    const { limits, target } = this.#options;
    this.#recordBytesMax = recordBytesMax;
    let bytesBound = batchHeaderBytes;
    for (const record of records) bytesBound += recordBytesBound(record);
    if (bytesBound > recordBytesMax) {
      // The bound is a little above the truth: near the limit only the batch itself can tell.
      const { length } = encodeRecordBatch(records, { nowMs: this.#options.clock.nowMs() });
      if (length > recordBytesMax) {
        const message = `a batch of ${length} bytes for ${target.topic}, which takes ${recordBytesMax}`;
        throw new ThroughlineError('RECORD_TOO_LARGE', message, { details: { sizeBytes: length, recordBytesMax } });
      }
    }
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytesBound > limits.waitingBytesMax) {
      const { topic, partition } = target;
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

  #queue(records: readonly ProducerRecord[], bytesBound: number, condition?: AppendCondition): Promise<AppendAck[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytesBound, condition, resolve, reject });
      this.#waitingBytes += bytesBound;
      this.#schedule();
    });
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
    const [first] = this.#waiting;
    for (const { bytesBound, condition } of this.#waiting) {
      if (count > 0 && bytes + bytesBound > this.#recordBytesMax) break;
      if (count > 0 && (condition !== undefined || first!.condition !== undefined)) break;
      bytes += bytesBound;
      count++;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const calls = this.#waiting;
    this.#waiting = [];
    return calls;
  }

  #send(calls: readonly Call[]): void {
    let bytesBound = 0;
    for (const call of calls) bytesBound += call.bytesBound;
    this.#waitingBytes -= bytesBound;
    this.#inFlightBytes += bytesBound;
    void this.#deliver(calls).then(() => this.#settle(bytesBound));
  }

  /** Appends calls as one batch and answers them; never rejects. */
  async #deliver(calls: readonly Call[]): Promise<void> {
    const { target, clock } = this.#options;
    const nowMs = clock.nowMs();
    const turn = ++this.#sentCount;
    const records = calls.length === 1 ? calls[0]!.records : calls.flatMap((call) => call.records);
    try {
      // No wait before the append: batches reach the target in the order in which they are sent.
      const batch = encodeRecordBatch(records, { nowMs });
      const condition = calls[0]!.condition;
      const appending = condition === undefined ? target.append(batch) : target.appendIf!(batch, condition);
      this.#acknowledge(calls, await appending, nowMs);
    } catch (error) {
      if (calls.length > 1 && turn === this.#sentCount && isFaultOfOne(error)) {
        // One call's records must not cost the others theirs. (With a later batch under way their order would be lost.)
        for (const call of calls) await this.#deliver([call]);
        return;
      }
      for (const call of calls) call.reject(error);
    }
  }

  #acknowledge(calls: readonly Call[], { baseOffset, appendTimeMs }: AppendedAt, nowMs: number): void {
    const { partition } = this.#options.target;
    let offset = baseOffset;
    for (const { records, resolve } of calls) {
      const acks: AppendAck[] = [];
      for (const { timestampMs = nowMs, exactTimestampMs } of records) {
        const ownMs = exactTimestampMs === undefined ? timestampMs : Number(exactTimestampMs);
        acks.push({ partition, offset: offset++, timestampMs: appendTimeMs ?? ownMs });
      }
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

/** A rejection that some of the records have earned, by a limit that only the target knows. */
function isFaultOfOne(error: unknown): boolean {
  return ThroughlineError.is(error) && faultsOfOne.has(error.code);
}

const faultsOfOne: ReadonlySet<string> = new Set(['INVALID_RECORD', 'INVALID_TIMESTAMP', 'RECORD_TOO_LARGE']);
