// One fetch of partitions of one topic from the broker that leads them (Fetch, API key 1), without a session. What comes
// back is cut to whole batches: a broker may send the beginning of the next one (KIP-74). Reading is read_committed:
// nothing beyond the last stable offset, nothing of an aborted transaction; without transactions that is everything up to
// the high watermark.
import {
  batchPrefixBytes,
  isControlBatch,
  isTransactionalBatch,
  lastOffsetOf,
  readBatchSize,
  type KafkaErrorName,
  type Read,
  type RecordBatchHeader,
} from '@throughline/wire';
import type { AbortedTransaction, FetchRequest, FetchResponse } from '@throughline/wire/apis';
import { decodeBatches, type Decoded } from '../port/decode-batches.ts';
import { unknownEpoch } from '../port/history.ts';
import type { EpochEnd } from '../port/port.ts';
import type { TopicLeaders } from './cluster.ts';
import { failureOf } from '../port/failures.ts';

export interface FetchPosition {
  readonly partition: number;
  readonly offset: bigint;
  /** The leader epoch of the record before; -1 when that is not known. */
  readonly lastEpoch: number;
}

export interface FetchBounds {
  /** How long the broker may wait for the first byte. */
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  /** Batches up to the last stable offset, or up to the high watermark: those of open and aborted transactions, too. */
  readonly what: 'committed' | 'all';
}

/** What came of one partition, with where the fetch began. */
export interface FetchedPartition extends FetchPosition {
  readonly errorCode: KafkaErrorName;
  readonly highWatermark: bigint;
  /** Readers see nothing at or beyond it. */
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  /** Whole batches; the first may begin before `offset`. */
  readonly batches: Uint8Array;
  readonly aborted: readonly AbortedTransaction[];
  /** Where the epoch of the position ends, when that is below the position: the log has other records there. */
  readonly divergesAt: EpochEnd | undefined;
}

/** Sends a fetch somewhere. */
export type SendFetch = (request: FetchRequest) => Promise<Read<FetchResponse>>;

const consumer = -1;
const readUncommitted = 0;
const readCommitted = 1;
const noSession = { sessionId: 0, sessionEpoch: -1 };
const nothing = new Uint8Array(0);

/**
 * Fetches from one broker.
 *
 * @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED; what concerns one partition is in its errorCode
 */
export async function fetchFrom(
  send: SendFetch,
  { topic, topicId, partitions }: TopicLeaders,
  positions: readonly FetchPosition[],
  { waitMs, bytesMax, partitionBytesMax, what }: FetchBounds,
): Promise<FetchedPartition[]> {
  const response = await send({
    replicaId: consumer,
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    isolationLevel: what === 'committed' ? readCommitted : readUncommitted,
    ...noSession,
    topics: [
      {
        topic,
        topicId,
        partitions: positions.map(({ partition, offset: fetchOffset, lastEpoch: lastFetchedEpoch }) => ({
          partition,
          // Who is not the leader of this epoch says so, and whoever has other records before the offset (KIP-320).
          currentLeaderEpoch: partitions[partition]?.leaderEpoch ?? unknownEpoch,
          fetchOffset,
          lastFetchedEpoch,
          partitionMaxBytes: partitionBytesMax,
        })),
      },
    ],
  });
  if (response.errorCode !== 'NONE') throw failureOf(response.errorCode, `fetch from ${topic}`);
  const asked = new Map(positions.map((position) => [position.partition, position]));
  const fetched: FetchedPartition[] = [];
  for (const { partitions: found } of response.responses) {
    for (const { partitionIndex, errorCode, lastStableOffset, highWatermark, ...rest } of found) {
      const position = asked.get(partitionIndex);
      if (position === undefined) continue;
      const { divergingEpoch } = rest;
      fetched.push({
        ...position,
        errorCode,
        highWatermark,
        lastStableOffset: lastStableOffset < 0n ? highWatermark : lastStableOffset,
        logStartOffset: rest.logStartOffset,
        batches: wholeBatches(rest.records ?? nothing),
        aborted: rest.abortedTransactions ?? [],
        divergesAt: divergingEpoch.endOffset < 0n ? undefined : divergingEpoch,
      });
    }
  }
  return fetched;
}

/**
 * The records of what was fetched.
 *
 * @throws ThroughlineError CORRUPT_RECORD, NOT_BUILT_YET as decodeBatches
 */
export function decodeFetched(topic: string, fetched: FetchedPartition): Decoded {
  const { partition, offset: fromOffset, lastEpoch, batches, aborted } = fetched;
  const request = { topic, partition, fromOffset, lastEpoch, mustVerify: true };
  return decodeBatches(batches, aborted.length === 0 ? request : { ...request, isHidden: hiddenOf(aborted) });
}

/** The end that a broker has told with records that reach up to `nextOffset`: it looks at the end first, and then reads. */
export function endBehind(nextOffset: bigint, toldOffset: bigint): bigint {
  return nextOffset > toldOffset ? nextOffset : toldOffset;
}

/** The batches of `records` that are all there. */
function wholeBatches(records: Uint8Array): Uint8Array {
  let end = 0;
  while (end + batchPrefixBytes <= records.length) {
    const next = end + readBatchSize(records, end);
    if (next <= end || next > records.length) break;
    end = next;
  }
  return records.subarray(0, end);
}

/**
 * Tells which batches belong to aborted transactions: a producer's are aborted from the offset that the broker names up to
 * its next marker (KIP-98).
 */
function hiddenOf(aborted: readonly AbortedTransaction[]): (header: RecordBatchHeader) => boolean {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const producers = new Set<bigint>();
  return (header) => {
    const { producerId, attributes } = header;
    const lastOffset = lastOffsetOf(header);
    while (waiting.length > 0 && waiting[0]!.firstOffset <= lastOffset) producers.add(waiting.shift()!.producerId);
    if (isControlBatch(attributes)) {
      producers.delete(producerId);
      return false;
    }
    return isTransactionalBatch(attributes) && producers.has(producerId);
  };
}
