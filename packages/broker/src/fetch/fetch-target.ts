// What Fetch is asked for and what it answers, per partition.
import { zeroUuid } from '@throughline/wire';
import type { PartitionData } from '@throughline/wire/apis';

/** A partition that somebody wants to read. */
export interface FetchTarget {
  /** The same for the same partition, whether a request names it by name or by id. */
  readonly key: string;
  /** Undefined where the topic id is that of no topic there is. */
  readonly topic: string | undefined;
  /** Zeros where the request names topics by name. */
  readonly topicId: string;
  readonly partition: number;
  readonly fetchOffset: bigint;
  /** -1 where the client knows none. */
  readonly currentLeaderEpoch: number;
  /** The epoch of the last record that the client has; -1 where it does not say (KIP-595). */
  readonly lastFetchedEpoch: number;
  readonly bytesMax: number;
}

export interface FetchResult {
  readonly target: FetchTarget;
  readonly partition: PartitionData;
}

/** The key of a target; a session holds either names or ids, never both. */
export function targetKey(topic: string, topicId: string, partition: number): string {
  return `${topicId === zeroUuid ? topic : topicId}/${partition}`;
}
