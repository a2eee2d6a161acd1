// What members of a group were told, over all restarts of its coordinator, and what must hold of it: no partition is two members'
// in one generation, nobody is told two things, no commit is of the past, none that was acknowledged is lost.
import { assert } from '@throughline/event';
import type { OpenGroups } from '../../packages/broker/src/groups/test-support.ts';

export const groupId = 'g';

export class GroupHistory {
  /** By generation: whose each partition is. A static member is one, whatever its id. */
  readonly #owners = new Map<number, Map<number, string>>();
  /** By generation and member. */
  readonly #assignments = new Map<string, string>();
  /** The last offset acknowledged for a partition, and the generation that committed it. */
  readonly #committed = new Map<number, { readonly offset: bigint; readonly generationId: number }>();

  synced(who: string, generationId: number, assignment: string): void {
    const key = `${generationId} ${who}`;
    const before = this.#assignments.get(key);
    assert(before === undefined || before === assignment, `${key} was told ${before}, now ${assignment}`);
    this.#assignments.set(key, assignment);
    const owners = this.#owners.get(generationId) ?? new Map<number, string>();
    this.#owners.set(generationId, owners);
    for (const partition of partitionsOf(assignment)) {
      const owner = owners.get(partition);
      assert(owner === undefined || owner === who, `${partition} is ${owner}'s and ${who}'s in ${generationId}`);
      owners.set(partition, who);
    }
  }

  committed(partition: number, offset: bigint, generationId: number): void {
    const before = this.#committed.get(partition);
    const isOfThePast = before !== undefined && generationId < before.generationId;
    assert(!isOfThePast, `a commit of generation ${generationId} after one of ${before?.generationId}`);
    this.#committed.set(partition, { offset, generationId });
  }

  /** Every acknowledged commit is there, or a later one that nobody heard of any more. */
  check({ groups }: OpenGroups): void {
    for (const [partition, { offset }] of this.#committed) {
      const found = groups.offsets.committed(groupId, 't', partition)?.offset ?? -1n;
      assert(found >= offset, `partition ${partition} has ${found}, and ${offset} was acknowledged`);
    }
  }

  get generationCount(): number {
    return this.#owners.size;
  }
}

/** An assignment here is the partitions, with commas. */
export function partitionsOf(assignment: string): readonly number[] {
  return assignment === '' ? [] : assignment.split(',').map(Number);
}
