// Where partitions begin and end, and where a time is in them (ListOffsets, API key 2), asked of each leader once.
import { ThroughlineError } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import { listOffsetsApi } from '@throughline/wire/apis';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { failureOf, saysStaleMetadata } from '../port/failures.ts';

export interface PartitionOffsets {
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
}

/** The special timestamps of ListOffsets. */
const latest = -1n;
const earliest = -2n;
const consumer = -1;
/** `latest` is the last stable offset, as for a read. */
const readCommitted = 1;

/**
 * One offset of each partition asked for: at `timestampMs`, or at an end of the log. -1n: no record is that new.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE
 */
export function offsetsAt(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  at: 'earliest' | 'latest' | { readonly timestampMs: number },
): Promise<ReadonlyMap<number, bigint>> {
  const timestamp = at === 'earliest' ? earliest : at === 'latest' ? latest : BigInt(Math.trunc(at.timestampMs));
  return cluster.retrying(`offsets of ${topic}`, () => ask(cluster, topic, partitions, timestamp));
}

/** Where each partition begins and ends. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
export async function offsetRanges(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, PartitionOffsets>> {
  const [starts, ends] = await Promise.all([
    offsetsAt(cluster, topic, partitions, 'earliest'),
    offsetsAt(cluster, topic, partitions, 'latest'),
  ]);
  return new Map(
    partitions.map((partition) => [
      partition,
      { logStartOffset: starts.get(partition)!, highWatermark: ends.get(partition)! },
    ]),
  );
}

/** The rejection of an offset, with both ends of the partition. */
export async function outOfRange(
  cluster: Cluster,
  { topic, partition, offset }: { readonly topic: string; readonly partition: number; readonly offset: bigint },
): Promise<ThroughlineError> {
  const { logStartOffset, highWatermark } = (await offsetRanges(cluster, topic, [partition])).get(partition)!;
  return new ThroughlineError('OFFSET_OUT_OF_RANGE', `${topic}-${partition} has no offset ${offset}`, {
    details: { topic, partition, logStartOffset: String(logStartOffset), highWatermark: String(highWatermark) },
  });
}

async function ask(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<ReadonlyMap<number, bigint>> {
  const byLeader = new Map<number, number[]>();
  for (const partition of partitions) {
    const { leader } = await cluster.leaderOf(topic, partition);
    const list = byLeader.get(leader);
    if (list === undefined) byLeader.set(leader, [partition]);
    else list.push(partition);
  }
  const offsets = new Map<number, bigint>();
  await Promise.all(
    [...byLeader].map(async ([leader, list]) => {
      const response = await askLeader(cluster, leader, topic, list, timestamp);
      for (const [partition, offset] of response) offsets.set(partition, offset);
    }),
  );
  return offsets;
}

async function askLeader(
  cluster: Cluster,
  leader: number,
  topic: string,
  partitions: readonly number[],
  timestamp: bigint,
): Promise<(readonly [number, bigint])[]> {
  const known: TopicLeaders | undefined = cluster.known(topic);
  try {
    const { topics } = await cluster.request(leader, 'read', listOffsetsApi, {
      replicaId: consumer,
      isolationLevel: readCommitted,
      topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })) }],
    });
    const found: (readonly [number, bigint])[] = [];
    for (const { partitionIndex, errorCode, offset } of topics.flatMap((answer) => answer.partitions)) {
      if (errorCode === 'NONE') {
        found.push([partitionIndex, offset]);
        continue;
      }
      throw await staleOr(cluster, known, errorCode, `offsets of ${topic}-${partitionIndex}`);
    }
    return found;
  } catch (error) {
    cluster.forget(topic);
    throw error;
  }
}

/**
 * What an error of a leader means once the metadata has been asked for anew: LOG_UNREACHABLE while the topic is still
 * there, so that it is tried again; UNKNOWN_TOPIC when it is gone.
 */
export async function staleOr(
  cluster: Cluster,
  known: TopicLeaders | undefined,
  errorCode: KafkaErrorName,
  what: string,
): Promise<ThroughlineError> {
  const failure = failureOf(errorCode, what);
  if (known === undefined || !saysStaleMetadata(errorCode)) return failure;
  cluster.forget(known.topic);
  try {
    await cluster.look(known.topic);
  } catch (error) {
    return ThroughlineError.from(error);
  }
  return new ThroughlineError('LOG_UNREACHABLE', failure.message, { cause: failure, details: failure.details });
}
