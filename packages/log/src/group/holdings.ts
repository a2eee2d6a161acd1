// What a member of a group holds, and what that makes it tell its user.
//
//            assigned                not assigned any more
//   (none) ───────────▶ held ─────────────────────────────▶ revoked
//      ▲                  │ lost                                │ released, lost
//      └──────────────────┴─────────────────────────────────────┘
//
// A partition that is revoked stays the member's own, in the eyes of the group too, until it is released.
import type { AssignmentChange, TopicPartition } from '../port/port.ts';
import { partitionKey } from './share-out.ts';

interface Holding {
  readonly partition: TopicPartition;
  isRevoked: boolean;
}

export class Holdings {
  readonly #holdings = new Map<string, Holding>();
  #hasBegun = false;

  /** Everything that is not released. */
  get owned(): readonly TopicPartition[] {
    return Array.from(this.#holdings.values(), ({ partition }) => partition);
  }

  has(partition: TopicPartition): boolean {
    return this.#holdings.has(partitionKey(partition));
  }

  /** The group has a new generation, in which these partitions are the member's. @returns what changes with it */
  assign(generation: number, partitions: readonly TopicPartition[]): readonly AssignmentChange[] {
    const assigned: TopicPartition[] = [];
    const keys = new Set<string>();
    for (const partition of partitions) {
      const key = partitionKey(partition);
      keys.add(key);
      // One that is being given up is given up first, even if the group has thought better of it.
      if (this.#holdings.has(key)) continue;
      this.#holdings.set(key, { partition, isRevoked: false });
      assigned.push(partition);
    }
    const revoked: TopicPartition[] = [];
    for (const [key, holding] of this.#holdings) {
      if (holding.isRevoked || keys.has(key)) continue;
      holding.isRevoked = true;
      revoked.push(holding.partition);
    }
    const changes: AssignmentChange[] = [];
    if (revoked.length > 0) changes.push({ kind: 'revoked', generation, partitions: revoked });
    if (assigned.length > 0 || !this.#hasBegun) changes.push({ kind: 'assigned', generation, partitions: assigned });
    this.#hasBegun = true;
    return changes;
  }

  /** Gives up what was revoked. @returns whether that was anything */
  release(partitions: readonly TopicPartition[]): boolean {
    let isAny = false;
    for (const partition of partitions) {
      const key = partitionKey(partition);
      if (this.#holdings.get(key)?.isRevoked === true) isAny = this.#holdings.delete(key);
    }
    return isAny;
  }

  /** Everything is lost at once. @returns what changes with it */
  lose(generation: number): readonly AssignmentChange[] {
    const partitions = this.owned;
    this.#holdings.clear();
    return partitions.length === 0 ? [] : [{ kind: 'lost', generation, partitions }];
  }
}
