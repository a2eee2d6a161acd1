// One fetch of partitions of one topic from the broker that leads them (Fetch, API key 1), without a session. What comes
// back is cut to whole batches: a broker may send the beginning of the next one (KIP-74). Reading is read_committed:
// nothing beyond the last stable offset, nothing of an aborted transaction; without transactions that is everything up to
// the high watermark.
import { batchPrefixBytes, isControlBatch, kafkaErrors, type Read, type RecordBatchHeader } from '@throughline/wire';
import type { AbortedTransaction, FetchRequest, FetchResponse } from '@throughline/wire/apis';
import { decodeBatches, type Decoded } from '../decode-batches.ts';
import type { TopicMetadata } from './cluster.ts';
import { failureOf } from './failures.ts';

export interface FetchPosition {
  readonly partition: number;
  readonly offset: bigint;
}

export interface FetchBounds {
  /** How long the broker may wait for the first byte. */
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
}

export interface FetchedPartition {
  readonly partition: number;
  /** Where the fetch began. */
  readonly offset: bigint;
  readonly errorCode: number;
  /** The last stable offset: readers see nothing at or beyond it. */
  readonly highWatermark: bigint;
  readonly logStartOffset: bigint;
  /** Whole batches; the first may begin before `offset`. */
  readonly batches: Uint8Array;
  readonly aborted: readonly AbortedTransaction[];
}

/** Sends a fetch somewhere. */
export type SendFetch = (request: FetchRequest) => Promise<Read<FetchResponse>>;

const consumer = -1;
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
  { topic, topicId }: TopicMetadata,
  positions: readonly FetchPosition[],
  { waitMs, bytesMax, partitionBytesMax }: FetchBounds,
): Promise<FetchedPartition[]> {
  const response = await send({
    replicaId: consumer,
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes: bytesMax,
    isolationLevel: readCommitted,
    ...noSession,
    topics: [
      {
        topic,
        topicId,
        partitions: positions.map(({ partition, offset: fetchOffset }) => ({
          partition,
          fetchOffset,
          partitionMaxBytes: partitionBytesMax,
        })),
      },
    ],
  });
  if (response.errorCode !== kafkaErrors.NONE) throw failureOf(response.errorCode, `fetch from ${topic}`);
  const offsets = new Map(positions.map(({ partition, offset }) => [partition, offset]));
  const fetched: FetchedPartition[] = [];
  for (const { partitions } of response.responses) {
    for (const { partitionIndex: partition, errorCode, lastStableOffset, highWatermark, ...found } of partitions) {
      const offset = offsets.get(partition);
      if (offset === undefined) continue;
      fetched.push({
        partition,
        offset,
        errorCode,
        highWatermark: lastStableOffset < 0n ? highWatermark : lastStableOffset,
        logStartOffset: found.logStartOffset,
        batches: wholeBatches(found.records ?? nothing),
        aborted: found.abortedTransactions ?? [],
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
export function decodeFetched(topic: string, { partition, offset, batches, aborted }: FetchedPartition): Decoded {
  const request = { topic, partition, fromOffset: offset, mustVerify: true };
  return decodeBatches(batches, aborted.length === 0 ? request : { ...request, isHidden: hiddenOf(aborted) });
}

/** The batches of `records` that are all there. */
function wholeBatches(records: Uint8Array): Uint8Array {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  let end = 0;
  while (end + batchPrefixBytes <= records.length) {
    const next = end + batchPrefixBytes + view.getInt32(end + 8);
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
  return ({ baseOffset, lastOffsetDelta, producerId, attributes }) => {
    const lastOffset = baseOffset + BigInt(lastOffsetDelta);
    while (waiting.length > 0 && waiting[0]!.firstOffset <= lastOffset) producers.add(waiting.shift()!.producerId);
    if (isControlBatch(attributes)) {
      producers.delete(producerId);
      return false;
    }
    return isTransactional(attributes) && producers.has(producerId);
  };
}

function isTransactional(attributes: number): boolean {
  return (attributes & 0x10) !== 0;
}
