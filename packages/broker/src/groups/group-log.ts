// A partition of `__consumer_offsets`, as the coordinator of its groups writes it. One batch is on its way at a time: what comes
// meanwhile goes out together as the next one, so that a slow disk makes larger batches, not longer queues. What a write
// changes in memory changes when it is durable, in the order in which it was written.
//
// The log is bounded by itself: when it is several times larger than what it says, all that holds is written once more at the
// end, and the log begins there. Until the new start is noted, both are there and say the same: a crash loses nothing.
import { unattended, type Clock, type Logger, type LogRecord, type ProducerRecord } from '@throughline/event';
import { encodeRecordBatch, recordBytesBound } from '@throughline/wire';
import type { PartitionLog } from '../storage/partition-face.ts';
import { groupLogBatchBytes, groupLogGrowthFactor, groupLogRewriteBytesMin, groupLogSettleMs } from '../defaults.ts';
import { keyText, replay } from './replay.ts';

/** What to write; a function is asked when everything before it has taken effect. */
export type GroupLogRecords = readonly ProducerRecord[] | (() => readonly ProducerRecord[]);

interface Write {
  readonly records: GroupLogRecords;
  readonly apply: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that go out together, and the records of all of them. */
interface Batch {
  readonly writes: readonly Write[];
  readonly records: readonly ProducerRecord[];
}

export interface GroupLogOptions {
  readonly log: PartitionLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether an acknowledged append survives a power cut. */
  readonly isSynced: boolean;
  /** Below this many bytes it is left alone. */
  readonly rewriteBytesMin?: number;
}

export class GroupLog {
  readonly #options: GroupLogOptions;
  readonly #queue: Write[] = [];
  #isWriting = false;
  /** Of everything from the start on that counts. */
  #bytes = 0;
  /** The log is written anew when it has grown to this. */
  #rewriteAtBytes: number;
  /** Where what was written anew begins, while the log does not begin there yet. */
  #newStart: { readonly offset: bigint; readonly dueMs: number } | undefined;

  constructor(options: GroupLogOptions) {
    this.#options = options;
    this.#rewriteAtBytes = this.#rewriteBytesMin;
  }

  /** Everything that holds, in the order in which it came to. */
  async *records(): AsyncGenerator<LogRecord> {
    const { log, logger } = this.#options;
    this.#bytes = 0;
    for await (const record of replay(log, logger)) {
      this.#bytes += recordBytesBound({ key: record.key, value: record.value });
      yield record;
    }
  }

  /**
   * Writes records, then calls `apply`.
   *
   * @param records none are no write, but still take their turn
   * @returns when they are durable and applied
   * @throws ThroughlineError what PartitionLog.append throws, or what `records` threw; then nothing is applied
   */
  write(records: GroupLogRecords, apply: () => void = () => {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, apply, resolve, reject });
      if (!this.#isWriting) unattended(this.#options.logger, 'writing a log of groups', () => this.#drain());
    });
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let next = this.#takeNext(); next !== undefined; next = this.#takeNext()) {
        if (await this.#writeOut(next)) await this.#keepSmall();
      }
    } finally {
      this.#isWriting = false;
    }
  }

  /** @returns false when nothing could be written */
  async #writeOut({ writes, records }: Batch): Promise<boolean> {
    try {
      if (records.length > 0) await this.#append(records);
    } catch (error) {
      for (const write of writes) write.reject(error);
      return false;
    }
    for (const write of writes) {
      // What one of them cannot apply is for its own caller; those beside it are written all the same.
      try {
        write.apply();
        write.resolve();
      } catch (error) {
        write.reject(error);
      }
    }
    return true;
  }

  /** The writes that go out together: a function is the first of its batch, and a batch has a size. */
  #takeNext(): Batch | undefined {
    const records: ProducerRecord[] = [];
    const writes: Write[] = [];
    let bytes = 0;
    for (let write = this.#queue[0]; write !== undefined; write = this.#queue[0]) {
      if (writes.length > 0 && typeof write.records === 'function') break;
      let its: readonly ProducerRecord[];
      try {
        its = typeof write.records === 'function' ? write.records() : write.records;
      } catch (error) {
        this.#queue.shift();
        write.reject(error);
        continue;
      }
      const itsBytes = bytesOf(its);
      if (writes.length > 0 && bytes + itsBytes > groupLogBatchBytes) break;
      this.#queue.shift();
      records.push(...its);
      bytes += itsBytes;
      writes.push(write);
    }
    return writes.length === 0 ? undefined : { writes, records };
  }

  async #append(records: readonly ProducerRecord[]): Promise<bigint> {
    const { log, clock } = this.#options;
    const { baseOffset } = await log.append(encodeRecordBatch(records, { nowMs: clock.nowMs() }));
    this.#bytes += bytesOf(records);
    return baseOffset;
  }

  /** Writes the log anew when it is due, and lets go of what was there before. */
  async #keepSmall(): Promise<void> {
    const { clock, log, logger } = this.#options;
    try {
      if (this.#newStart === undefined && this.#bytes >= this.#rewriteAtBytes) await this.#rewrite();
      if (this.#newStart === undefined || clock.monotonicMs() < this.#newStart.dueMs) return;
      await log.deleteRecords(this.#newStart.offset);
      this.#newStart = undefined;
    } catch (error) {
      const { topic, partition } = log;
      logger.warn({ topic, partition, error }, 'a log of groups could not be made smaller and stays as it is for now');
      this.#rewriteAtBytes = this.#bytes * groupLogGrowthFactor;
      if (this.#newStart === undefined) return;
      this.#newStart = { ...this.#newStart, dueMs: clock.monotonicMs() + groupLogSettleMs };
    }
  }

  get #rewriteBytesMin(): number {
    return this.#options.rewriteBytesMin ?? groupLogRewriteBytesMin;
  }

  /** Writes once more what holds, key by key, whatever kinds of records they are. Nothing else is written meanwhile. */
  async #rewrite(): Promise<void> {
    const { clock, isSynced, log } = this.#options;
    const live = new Map<string, ProducerRecord>();
    const bytesBefore = this.#bytes;
    for await (const { key, value, ...record } of this.records()) {
      const text = keyText({ key });
      // Deleted first: what holds stands in the order of its last change.
      live.delete(text);
      if (key !== null && value !== null)
        live.set(text, { key: new Uint8Array(key), value: new Uint8Array(value), headers: record.headers });
    }
    this.#bytes = bytesBefore;
    const offset = log.logEndOffset;
    let batch: ProducerRecord[] = [];
    let batchBytes = 0;
    let liveBytes = 0;
    for (const record of live.values()) {
      if (batch.length > 0 && batchBytes + recordBytesBound(record) > groupLogBatchBytes) {
        await this.#append(batch);
        batch = [];
        batchBytes = 0;
      }
      batch.push(record);
      batchBytes += recordBytesBound(record);
      liveBytes += recordBytesBound(record);
    }
    if (batch.length > 0) await this.#append(batch);
    this.#bytes = liveBytes;
    this.#rewriteAtBytes = Math.max(this.#rewriteBytesMin, liveBytes * groupLogGrowthFactor);
    // What only the operating system has must not be all there is: the old part goes when the new one is on the disk.
    this.#newStart = { offset, dueMs: clock.monotonicMs() + (isSynced ? 0 : groupLogSettleMs) };
  }
}

function bytesOf(records: readonly ProducerRecord[]): number {
  return records.reduce((sum, record) => sum + recordBytesBound(record), 0);
}
