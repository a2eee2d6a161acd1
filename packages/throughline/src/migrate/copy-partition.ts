// Copies one partition, offset for offset. It goes on where the target ends, so a migration that was killed is run again and
// does the rest. A place without a record (a transaction's marker, a compacted key, damage) is rejected, or filled when that
// was asked for; what the source has deleted at its start is filled in any case, because it is deleted at the target as well.
import {
  markHandled,
  ThroughlineError,
  timestampJson,
  type LogRecord,
  type ProducerRecord,
  type RecordTime,
} from '@throughline/event';
import { readOn, type Log } from '@throughline/log';
import { batchHeaderBytes, recordBytesBound } from '@throughline/wire';
import { missingRecordsMax, migrateBatchBytes, migrateReadBytes } from '../defaults.ts';
import { countText } from '../terminal/output.ts';
import { fillerBytesBound, fillers, isFiller } from './gap.ts';

export interface CopyPartitionOptions {
  readonly source: Log;
  readonly target: Log;
  readonly topic: string;
  readonly partition: number;
  /** Where the source ended when the migration began: what comes later is for the next run. */
  readonly endOffset: bigint;
  readonly mustFill: boolean;
  readonly onCopied: (records: number) => void;
}

export interface CopiedPartition {
  readonly copiedRecords: number;
  /** Offsets that the source has no records for, filled at the target. */
  readonly filledRecords: number;
}

/**
 * Copies what the target does not have.
 *
 * @throws ThroughlineError MIGRATION_REFUSED naming the offset; what the logs throw
 */
export async function copyPartition(options: CopyPartitionOptions): Promise<CopiedPartition> {
  const copy = new PartitionCopy(options);
  await copy.run();
  return { copiedRecords: copy.copiedRecords, filledRecords: copy.filledRecords };
}

class PartitionCopy {
  copiedRecords = 0;
  filledRecords = 0;
  readonly #options: CopyPartitionOptions;
  /** The offset that the next record gets at the target. */
  #next = 0n;
  #time: RecordTime = { timestampMs: 0 };
  /** The most bytes of one batch at the target. */
  #batchBytesMax = migrateBatchBytes;
  /** The append under way: the next read goes on beside it. */
  #appending: Promise<void> = Promise.resolve();

  constructor(options: CopyPartitionOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { target, topic, partition, endOffset } = this.#options;
    const { highWatermark, logStartOffset } = await endsOf(target, topic, partition);
    const { recordBytesMax } = (await target.admin.describeTopic(topic)).config;
    this.#batchBytesMax = Math.min(migrateBatchBytes, recordBytesMax);
    this.#next = highWatermark;
    if (highWatermark > endOffset) {
      throw this.#rejected(endOffset, `the target has records up to ${highWatermark}, the source ends there`);
    }
    if (highWatermark > logStartOffset) await this.#checkLast(highWatermark - 1n);
    while (this.#next < endOffset) await this.#step();
    await this.#appending;
  }

  /** What the target has must be the source's, or going on would mix two logs. */
  async #checkLast(offset: bigint): Promise<void> {
    const { source, target, topic, partition } = this.#options;
    const [mine] = (await target.read({ topic, partition, offset, bytesMax: 1 })).records;
    if (mine === undefined || isFiller(mine)) return;
    const { logStartOffset } = await endsOf(source, topic, partition);
    if (offset < logStartOffset) return;
    const [theirs] = (await source.read({ topic, partition, offset, bytesMax: 1 })).records;
    if (theirs?.offset === offset && isSame(mine, theirs)) return;
    throw this.#rejected(offset, 'the target has another record there');
  }

  async #step(): Promise<void> {
    const { source, topic, partition, mustFill, endOffset } = this.#options;
    const request = { topic, partition, offset: this.#next, bytesMax: migrateReadBytes };
    let found: { readonly records: readonly LogRecord[]; readonly nextOffset: bigint };
    try {
      found = mustFill ? await readOn(source, request, () => {}) : await source.read(request);
    } catch (error) {
      if (!ThroughlineError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error;
      const { logStartOffset } = await endsOf(source, topic, partition);
      if (logStartOffset <= this.#next) throw error;
      return this.#fill(logStartOffset, true);
    }
    let batch: ProducerRecord[] = [];
    let bytes = batchHeaderBytes;
    for (const record of found.records) {
      if (record.offset >= endOffset) break;
      if (record.offset > this.#next + BigInt(batch.length)) {
        await this.#append(batch);
        batch = [];
        bytes = batchHeaderBytes;
        await this.#fill(record.offset, false);
      }
      const { key, value, headers, timestampMs, exactTimestampMs } = record;
      // What is no time (Kafka's -1, or beyond what a number holds) is copied as the int64 that it is.
      const isPlain = exactTimestampMs === undefined && timestampMs >= 0;
      const time = isPlain
        ? { timestampMs }
        : { timestampMs, exactTimestampMs: exactTimestampMs ?? BigInt(timestampMs) };
      const copied: ProducerRecord = { key, value, headers, ...time, partition };
      const size = recordBytesBound(copied);
      if (batch.length > 0 && bytes + size > this.#batchBytesMax) {
        await this.#append(batch);
        batch = [];
        bytes = batchHeaderBytes;
      }
      batch.push(copied);
      bytes += size;
      this.#time = time;
    }
    await this.#append(batch);
    const end = found.nextOffset < endOffset ? found.nextOffset : endOffset;
    if (end > this.#next) await this.#fill(end, false);
  }

  async #append(batch: readonly ProducerRecord[]): Promise<void> {
    if (batch.length === 0) return;
    await this.#place(batch);
    this.copiedRecords += batch.length;
    this.#options.onCopied(batch.length);
  }

  /** Fills up to `end`; a hole before the source's first record is filled unasked, because it is deleted afterwards. */
  async #fill(end: bigint, isBeforeStart: boolean): Promise<void> {
    const { partition, mustFill } = this.#options;
    const missing = end - this.#next;
    if (!mustFill && !isBeforeStart) {
      throw this.#rejected(
        this.#next,
        `the source has no record for ${countText(missing, 'offset')}; --gaps fill keeps the place of each`,
      );
    }
    if (missing > BigInt(missingRecordsMax)) {
      throw this.#rejected(this.#next, `the source has no record for ${missing} offsets, which are too many to fill`);
    }
    const countMax = Math.max(1, Math.floor(this.#batchBytesMax / fillerBytesBound));
    while (this.#next < end) {
      const left = end - this.#next;
      const count = left < BigInt(countMax) ? Number(left) : countMax;
      await this.#place(fillers(partition, count, this.#time));
      this.filledRecords += count;
    }
  }

  /** Sends the next records; waits for those before them. */
  async #place(records: readonly ProducerRecord[]): Promise<void> {
    const { target, topic } = this.#options;
    await this.#appending;
    const first = this.#next;
    this.#next += BigInt(records.length);
    this.#appending = target.append(topic, records).then((acks) => {
      const offset = acks[0]!.offset;
      if (offset !== first) throw this.#rejected(first, `the target gave it ${offset}: somebody else writes there`);
    });
    // Met by whoever waits for it: the next append, or the end.
    void markHandled(this.#appending);
  }

  #rejected(offset: bigint, reason: string): ThroughlineError {
    const { topic, partition } = this.#options;
    return new ThroughlineError('MIGRATION_REFUSED', `${topic}-${partition} at offset ${offset}: ${reason}`, {
      details: { topic, partition, offset: String(offset) },
    });
  }
}

/** Where a partition begins and ends. */
export async function endsOf(
  log: Log,
  topic: string,
  partition: number,
): Promise<{ readonly logStartOffset: bigint; readonly highWatermark: bigint }> {
  const { partitions } = await log.admin.describeTopic(topic);
  const found = partitions[partition];
  if (found !== undefined) return found;
  throw new ThroughlineError('UNKNOWN_TOPIC', `${topic} has no partition ${partition}`);
}

/** Whether two records are the same but for where they are kept. */
export function isSame(a: LogRecord, b: LogRecord): boolean {
  return (
    a.offset === b.offset &&
    timestampJson(a) === timestampJson(b) &&
    isSameBytes(a.key, b.key) &&
    isSameBytes(a.value, b.value) &&
    a.headers.length === b.headers.length &&
    a.headers.every(({ key, value }, index) => {
      const other = b.headers[index]!;
      return key === other.key && isSameBytes(value, other.value);
    })
  );
}

function isSameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
