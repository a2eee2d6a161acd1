// How the leader of a group shares out the partitions: evenly, moving as few as it can, and never giving a partition to one
// member while another still holds it.
//
//   1. whoever holds a partition and still reads its topic keeps it (of two claims the later generation's is true)
//   2. what nobody holds goes to the member with the least
//   3. while one member has at least two more than another that reads the topic, one partition is meant to move
//   4. a partition that is meant to move is given to nobody: its holder sees that it is missing, comes to an end with it,
//      releases it and joins again, and in that generation it is free
//
// This is the cooperative protocol of KIP-429, with the sticky assignment of KIP-54 in short.
import type { TopicPartition } from '../port/port.ts';
import type { Subscription } from './consumer-protocol.ts';

export interface SharingMember extends Subscription {
  readonly memberId: string;
}

interface Share {
  readonly member: SharingMember;
  readonly topics: ReadonlySet<string>;
  readonly partitions: Map<string, TopicPartition>;
}

/**
 * Shares out the partitions of topics.
 *
 * @param partitionCounts of the topics that there are
 * @returns what each member may work on from now on, by its id
 * @example shareOut([{ memberId: 'a', topics: ['t'], owned: [], generation: -1 }], new Map([['t', 1]]))
 */
export function shareOut(
  members: readonly SharingMember[],
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyMap<string, readonly TopicPartition[]> {
  // By id, so that the same members come to the same shares whoever leads.
  const shares: readonly Share[] = members
    .toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map((member) => ({ member, topics: new Set(member.topics), partitions: new Map() }));
  const holders = holdersOf(shares);
  const partitions: TopicPartition[] = [];
  for (const [topic, count] of [...partitionCounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (let partition = 0; partition < count; partition++) partitions.push({ topic, partition });
  }
  // First everything that stays, so that what is free goes to those who have the least in the end.
  const free = partitions.filter((partition) => !keep(shares, holders, partition));
  for (const partition of free) give(shares, partition);
  while (moveOne(shares));
  return new Map(
    shares.map(({ member, partitions }) => [
      member.memberId,
      [...partitions].filter(([key]) => (holders.get(key) ?? member) === member).map(([, partition]) => partition),
    ]),
  );
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

/** Who holds what now, by partitions. */
function holdersOf(shares: readonly Share[]): ReadonlyMap<string, SharingMember> {
  const holders = new Map<string, SharingMember>();
  for (const { member } of shares) {
    for (const owned of member.owned) {
      const key = partitionKey(owned);
      const other = holders.get(key);
      // Who claims it with an older generation has not heard yet that it was lost.
      if (other === undefined || other.generation < member.generation) holders.set(key, member);
    }
  }
  return holders;
}

/** Leaves a partition to whoever holds it and reads its topic. @returns whether there is somebody */
function keep(
  shares: readonly Share[],
  holders: ReadonlyMap<string, SharingMember>,
  partition: TopicPartition,
): boolean {
  const key = partitionKey(partition);
  const holder = holders.get(key);
  const share = shares.find(({ member, topics }) => member === holder && topics.has(partition.topic));
  share?.partitions.set(key, partition);
  return share !== undefined;
}

function give(shares: readonly Share[], partition: TopicPartition): void {
  const readers = shares.filter(({ topics }) => topics.has(partition.topic));
  least(readers)?.partitions.set(partitionKey(partition), partition);
}

function least(shares: readonly Share[]): Share | undefined {
  let found: Share | undefined;
  for (const share of shares) if (found === undefined || share.partitions.size < found.partitions.size) found = share;
  return found;
}

/** Moves one partition from a member to another that has at least two less. @returns whether there was such a pair */
function moveOne(shares: readonly Share[]): boolean {
  for (const from of shares.toSorted((a, b) => b.partitions.size - a.partitions.size)) {
    let found: { readonly topic: string; readonly to: Share; readonly surplus: number } | undefined;
    for (const topic of from.topics) {
      const to = least(shares.filter((share) => share !== from && share.topics.has(topic)));
      if (to === undefined || to.partitions.size + 2 > from.partitions.size) continue;
      // Of the topic that is shared out most unevenly, so that each topic is spread and not only the sum.
      const surplus = countOf(from, topic) - countOf(to, topic);
      if (countOf(from, topic) > 0 && surplus > (found?.surplus ?? -Infinity)) found = { topic, to, surplus };
    }
    if (found === undefined) continue;
    const partition = lastOf(from, found.topic);
    from.partitions.delete(partitionKey(partition));
    found.to.partitions.set(partitionKey(partition), partition);
    return true;
  }
  return false;
}

function countOf({ partitions }: Share, topic: string): number {
  let count = 0;
  for (const partition of partitions.values()) if (partition.topic === topic) count++;
  return count;
}

/** The highest partition of a topic: the lower ones stay where they are. */
function lastOf({ partitions }: Share, topic: string): TopicPartition {
  const found = [...partitions.values()].filter((partition) => partition.topic === topic);
  return found.reduce((last, one) => (one.partition > last.partition ? one : last));
}
