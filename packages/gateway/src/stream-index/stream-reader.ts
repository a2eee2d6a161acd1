// Reads the records of one conversation from the log: the ranges that the stream index knows, then what has come since the
// index was last committed. Foreign records in between are skipped by their key.
import { conversationStream, ThroughlineError, utf8, type LogRecord } from '@throughline/event';
import { partitionFor, readOn, type Damage, type Log } from '@throughline/log';
import type { OffsetRange } from './conversation-fold.ts';
import type { Incarnation } from './incarnation.ts';

/** What the stream index knows. */
export interface StreamIndex {
  /** Index = partition: the next offset that it does not know. */
  readonly offsets: readonly bigint[];
  ranges(conversationId: string, from: bigint): OffsetRange[];
}

export interface StreamReaderOptions {
  readonly log: Log;
  readonly topic: string;
  readonly incarnation: Pick<Incarnation, 'partitionCount'>;
  readonly index: StreamIndex;
  readonly readBytes: number;
  /** Told of what cannot be read each time that somebody reads over it; a conversation shows what is there. */
  readonly onDamage: (damage: Damage) => void;
}

export class StreamReader {
  readonly #options: StreamReaderOptions;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
  }

  /** The partition that a conversation lives in. */
  partitionOf(conversationId: string): number {
    return partitionFor(utf8(conversationStream(conversationId)), this.#options.incarnation.partitionCount);
  }

  /**
   * The records of a conversation with `from` ≤ offset < `to`, in order, in pages of one read each.
   *
   * @throws ThroughlineError what `Log.read` throws, but OFFSET_OUT_OF_RANGE and damage: what retention removed or what
   *   cannot be read is left out
   */
  async *read(conversationId: string, from: bigint, to: bigint): AsyncGenerator<LogRecord[]> {
    const partition = this.partitionOf(conversationId);
    const key = utf8(conversationStream(conversationId));
    const indexed = this.#options.index.offsets[partition] ?? 0n;
    const ranges = this.#options.index.ranges(conversationId, from);
    const tailFirst = indexed > from ? indexed : from;
    if (tailFirst < to) ranges.push({ first: tailFirst, last: to - 1n });
    let next = from;
    for (const range of ranges) {
      // A commit between the two looks at the index can make its last range reach into the tail.
      const first = range.first > next ? range.first : next;
      const end = range.last < to ? range.last + 1n : to;
      next = end > next ? end : next;
      for await (const records of this.#readRange(partition, first, end)) {
        const own = records.filter((record) => record.key !== null && sameBytes(record.key, key));
        if (own.length > 0) yield own;
      }
    }
  }

  async *#readRange(partition: number, from: bigint, end: bigint): AsyncGenerator<readonly LogRecord[]> {
    const { log, topic, readBytes, onDamage } = this.#options;
    let offset = from;
    while (offset < end) {
      try {
        const { records, nextOffset } = await readOn(log, { topic, partition, offset, bytesMax: readBytes }, onDamage);
        yield records.filter((record) => record.offset < end);
        if (nextOffset <= offset) return;
        offset = nextOffset;
      } catch (error) {
        if (!ThroughlineError.is(error, 'OFFSET_OUT_OF_RANGE')) throw error;
        const { partitions } = await log.admin.describeTopic(topic);
        const first = partitions[partition]?.logStartOffset ?? end;
        // Beyond the end instead: a log that lost its tail has nothing more of this conversation.
        if (first <= offset) return;
        offset = first;
      }
    }
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
