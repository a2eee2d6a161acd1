// What can be wrong with consumer groups. The promise is at-least-once: what lies below the committed offset of a group has been
// given to one of its members, commits never go back, a generation has one reader per partition, and who is of an earlier
// generation commits nothing. (Not in jepsen.tests.kafka, which only counts how often a record was consumed.)
//
// A commit that nobody knows the end of may still arrive when the next one has been acknowledged; so a client whose commit ended
// like that must be thrown away and join as a new member. Then the generation fences what is still on its way.
import type { AnomalyList } from './anomalies.ts';
import type { Evidence } from './evidence.ts';
import type { GroupOffsets, Membership } from './history.ts';

interface Committed {
  readonly offset: number;
  readonly at: number;
}

interface Group {
  /** The highest acknowledged commit of each partition. */
  readonly committed: Map<number, Committed>;
  readonly owners: Map<number, Map<number, { readonly member: string; readonly at: number }>>;
  /** Offsets given to members. */
  readonly polled: Map<number, Set<number>>;
  generation: { readonly number: number; readonly at: number };
}

/** What was known when an operation began. */
interface Before {
  readonly committed: ReadonlyMap<number, Committed>;
  readonly generation: Group['generation'];
}

export function findGroupAnomalies({ history, orders }: Evidence, found: AnomalyList): void {
  const groups = new Map<string, Group>();
  const groupOf = (name: string): Group => {
    let group = groups.get(name);
    if (group === undefined) {
      group = { committed: new Map(), owners: new Map(), polled: new Map(), generation: { number: -1, at: -1 } };
      groups.set(name, group);
    }
    return group;
  };
  const memberships = new Map<number, Membership>();
  const begun = new Map<number, Before>();
  for (let at = 0; at < history.length; at++) {
    const operation = history[at]!;
    const { process, type, f } = operation;
    if (f === 'crash' || f === 'assign') memberships.delete(process);
    if (f === 'commit' || f === 'committed') {
      const group = groupOf(operation.value.group);
      if (type === 'invoke') {
        begun.set(process, { committed: new Map(group.committed), generation: group.generation });
      } else if (type === 'ok') {
        const before = begun.get(process) ?? { committed: new Map(), generation: { number: -1, at: -1 } };
        checkOffsets(operation.value, f, at, before, found);
        for (const [partition, offset] of operation.value.offsets) {
          const highest = group.committed.get(partition);
          if (highest === undefined || offset > highest.offset) group.committed.set(partition, { offset, at });
        }
      }
    } else if (f === 'subscribe' && type === 'ok') {
      memberships.set(process, operation.value);
      checkMembership(groupOf(operation.value.group), operation.value, at, found);
    } else if ((f === 'poll' || f === 'txn') && type === 'ok') {
      const membership = memberships.get(process);
      if (membership === undefined) continue;
      const { polled } = groupOf(membership.group);
      for (const micro of operation.value) {
        if (micro.kind !== 'poll') continue;
        for (const { partition, offset } of micro.records) {
          const offsets = polled.get(partition);
          if (offsets === undefined) polled.set(partition, new Set([offset]));
          else offsets.add(offset);
        }
      }
    }
  }
  for (const [name, { committed, polled }] of groups) {
    for (const [partition, { offset: end, at }] of committed) {
      for (const offset of orders.get(partition)?.between(-1, end) ?? []) {
        if (polled.get(partition)?.has(offset) === true) continue;
        const text = `group ${name} is at ${end} of partition ${partition}, and no member was given offset ${offset}`;
        found.add({ class: 'group-skip', partition, operations: [at], text });
      }
    }
  }
}

function checkOffsets(
  { group, generation, offsets }: GroupOffsets,
  f: 'commit' | 'committed',
  at: number,
  before: Before,
  found: AnomalyList,
): void {
  const newest = before.generation;
  if (generation !== undefined && generation < newest.number) {
    const text = `group ${group}: a commit of generation ${generation} after generation ${newest.number} had begun`;
    found.add({ class: 'stale-generation', operations: [newest.at, at], text });
  }
  for (const [partition, offset] of offsets) {
    const committed = before.committed.get(partition);
    if (committed === undefined || offset >= committed.offset) continue;
    const name = f === 'commit' ? 'nonmonotonic-commit' : 'lost-commit';
    const text = `group ${group}, partition ${partition}: ${committed.offset}, then ${offset}`;
    found.add({ class: name, partition, operations: [committed.at, at], text });
  }
}

function checkMembership(group: Group, membership: Membership, at: number, found: AnomalyList): void {
  const { generation, member, partitions } = membership;
  if (generation > group.generation.number) group.generation = { number: generation, at };
  let owners = group.owners.get(generation);
  if (owners === undefined) group.owners.set(generation, (owners = new Map<number, { member: string; at: number }>()));
  for (const partition of partitions) {
    const other = owners.get(partition);
    if (other !== undefined && other.member !== member) {
      const text = `group ${membership.group}, generation ${generation}: ${other.member} and ${member}`;
      found.add({ class: 'overlapping-assignment', partition, operations: [other.at, at], text });
    }
    owners.set(partition, { member, at });
  }
}
