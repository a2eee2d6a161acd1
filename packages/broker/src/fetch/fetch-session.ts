// One fetch session (KIP-227): the broker keeps in mind which partitions a consumer reads and from where, so that a request
// names only what has changed, and an answer holds only the partitions that have something to say.
import type { FetchResult, FetchTarget } from './fetch-target.ts';

/** Asks for a session; requests in it count on from 1. */
export const initialEpoch = 0;
/** Asks for none, and ends the one that is named. */
export const finalEpoch = -1;

export interface SessionIdentity {
  readonly sessionId: number;
  /** Partitions are named by topic id, as from version 13 of Fetch on; a session does not mix that with names. */
  readonly usesTopicIds: boolean;
  /** A session belongs to one node. */
  readonly nodeId: number;
  readonly createdMs: number;
}

/** A partition of a session, with what was last answered of it. */
type SessionPartition = { -readonly [Name in keyof FetchTarget]: FetchTarget[Name] } & {
  highWatermark: bigint;
  logStartOffset: bigint;
};

export class FetchSession {
  readonly identity: SessionIdentity;
  usedMs: number;
  /** That the next request must have. */
  epoch = nextEpoch(initialEpoch);
  /** In the order in which they are read: whoever had records goes to the end, so that all have their turn (KIP-74). */
  readonly #partitions = new Map<string, SessionPartition>();

  constructor(identity: SessionIdentity, results: readonly FetchResult[]) {
    this.identity = identity;
    this.usedMs = identity.createdMs;
    for (const { target, partition } of results) {
      const { highWatermark, logStartOffset = -1n } = partition;
      this.#partitions.set(target.key, { ...target, highWatermark, logStartOffset });
    }
  }

  get partitionCount(): number {
    return this.#partitions.size;
  }

  /** Its partitions; `nameOf` finds the names of topics that were not known when they were added. */
  targets(nameOf: (topicId: string) => string | undefined): readonly FetchTarget[] {
    const targets = Array.from(this.#partitions.values());
    for (const target of targets) target.topic ??= nameOf(target.topicId);
    return targets;
  }

  /** Takes over what a request says of its partitions, and forgets those that it names for that. */
  update(targets: readonly FetchTarget[], forgottenKeys: readonly string[]): void {
    for (const target of targets) {
      const known = this.#partitions.get(target.key);
      if (known === undefined) {
        this.#partitions.set(target.key, { ...target, highWatermark: -1n, logStartOffset: -1n });
        continue;
      }
      known.fetchOffset = target.fetchOffset;
      known.currentLeaderEpoch = target.currentLeaderEpoch;
      known.lastFetchedEpoch = target.lastFetchedEpoch;
      known.bytesMax = target.bytesMax;
    }
    for (const key of forgottenKeys) this.#partitions.delete(key);
  }

  /** Those of the results that have something new to say; they are taken as answered. */
  takeChanged(results: readonly FetchResult[]): readonly FetchResult[] {
    return results.filter((result) => this.#takeIfChanged(result));
  }

  #takeIfChanged({ target, partition }: FetchResult): boolean {
    const known = this.#partitions.get(target.key);
    if (known === undefined) return false;
    const { errorCode, records, highWatermark, logStartOffset = -1n, divergingEpoch } = partition;
    const hasRecords = records !== null && records.length > 0;
    const isChanged =
      hasRecords ||
      errorCode !== 'NONE' ||
      divergingEpoch !== undefined ||
      known.highWatermark !== highWatermark ||
      known.logStartOffset !== logStartOffset;
    // After an error the partition is answered again as soon as the error has gone.
    known.highWatermark = errorCode === 'NONE' ? highWatermark : -1n;
    known.logStartOffset = logStartOffset;
    if (hasRecords) {
      this.#partitions.delete(target.key);
      this.#partitions.set(target.key, known);
    }
    return isChanged;
  }
}

/** After the largest the epochs go on at 1. */
export function nextEpoch(epoch: number): number {
  return epoch === 0x7fffffff ? 1 : epoch + 1;
}
