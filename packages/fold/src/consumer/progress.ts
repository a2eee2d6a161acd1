// How far a consumer has come, partition by partition: what comes next, what the record before it looked like and in which
// leader epoch it was appended, and where the partition begins and ends as far as is known. All of it is an array by partition.
import type { LogRecord } from '@throughline/event';
import { unknownEpoch, type TailStep, type TopicDescription } from '@throughline/log';
import { markOf } from './record-mark.ts';

/** Where a consumer begins. */
export interface StartPosition {
  /** The offset of the next record; a partition beyond the end of the array begins at its first record. */
  readonly offsets: readonly bigint[];
  /** The marks of the records before (record-mark.ts), null where nothing was read. */
  readonly marks?: readonly (string | null)[];
  /** The leader epochs of the records before, -1 where that is not known: with them the log itself says whether it has them. */
  readonly lastEpochs?: readonly number[];
}

/** What was passed of a partition: the records before `nextOffset`, the last of them appended in `lastEpoch`. */
type Passed = Pick<TailStep, 'partition' | 'nextOffset' | 'lastEpoch'>;

export class Progress {
  #positions: bigint[] = [];
  #marks: (string | null)[] = [];
  #lastEpochs: number[] = [];
  /** The last record passed, where its mark has not been taken yet. */
  #lastRecords: (LogRecord | undefined)[] = [];
  #starts: bigint[] = [];
  #ends: bigint[] = [];

  /** Forgets everything: another history begins. */
  begin({ offsets, marks = [], lastEpochs = [] }: StartPosition, description: TopicDescription): void {
    this.#lastRecords = [];
    this.#positions = description.partitions.map(
      ({ partition, logStartOffset }) => offsets[partition] ?? logStartOffset,
    );
    this.#marks = description.partitions.map(({ partition }) => marks[partition] ?? null);
    this.#lastEpochs = description.partitions.map(({ partition }) => lastEpochs[partition] ?? unknownEpoch);
    this.#starts = [];
    this.#ends = [];
    this.look(description);
  }

  /** Takes in where partitions begin and end now; tells whether there are more of them than before. */
  look({ partitions }: TopicDescription): boolean {
    const countBefore = this.#positions.length;
    for (const { partition, logStartOffset, highWatermark } of partitions) {
      this.#starts[partition] = logStartOffset;
      this.#ends[partition] = highWatermark;
      this.#positions[partition] ??= logStartOffset;
      this.#marks[partition] ??= null;
      this.#lastEpochs[partition] ??= unknownEpoch;
    }
    return this.#positions.length > countBefore;
  }

  get positions(): readonly bigint[] {
    return this.#positions;
  }

  get ends(): readonly bigint[] {
    return this.#ends;
  }

  get lastEpochs(): readonly number[] {
    return this.#lastEpochs;
  }

  /** A copy. */
  marks(): (string | null)[] {
    for (const [partition, record] of this.#lastRecords.entries()) {
      if (record === undefined) continue;
      this.#marks[partition] = markOf(record);
      this.#lastRecords[partition] = undefined;
    }
    return [...this.#marks];
  }

  /** A record has been handed on, or is about to be. */
  pass(record: LogRecord): void {
    this.#positions[record.partition] = record.offset + 1n;
    this.#lastEpochs[record.partition] = record.leaderEpoch ?? unknownEpoch;
    this.#lastRecords[record.partition] = record;
  }

  /** Everything before `offset` has been passed, seen or not. */
  moveTo({ partition, nextOffset, lastEpoch }: Passed, last: LogRecord | undefined): void {
    this.#positions[partition] = nextOffset;
    this.#lastEpochs[partition] = lastEpoch;
    if (last !== undefined) this.#lastRecords[partition] = last;
  }

  sawEnd(partition: number, highWatermark: bigint): void {
    this.#ends[partition] = highWatermark;
  }

  /** Records between the positions and the ends; what retention has removed in between is none. */
  lagRecords(partitions: readonly number[]): number {
    let lag = 0n;
    for (const partition of partitions) {
      const position = this.#positions[partition] ?? 0n;
      const start = this.#starts[partition] ?? 0n;
      const from = position > start ? position : start;
      const end = this.#ends[partition] ?? 0n;
      if (end > from) lag += end - from;
    }
    return Number(lag);
  }

  hasReached(targets: readonly (bigint | undefined)[], partitions: readonly number[]): boolean {
    return partitions.every((partition) => (this.#positions[partition] ?? 0n) >= (targets[partition] ?? 0n));
  }
}
