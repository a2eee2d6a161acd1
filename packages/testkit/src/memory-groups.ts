// Groups of the Log port as simply as they can be said: a partition belongs to one member by its number among all, and moves there as
// soon as whoever holds it has released it. No coordinator, no time-outs: a member is gone when it says so.
import { ThroughlineError } from '@throughline/event';
import type { AssignmentChange, GroupMembership, GroupOffset, JoinRequest, TopicPartition } from '@throughline/log';

/** How many partitions a topic has; undefined when there is no such topic. */
type PartitionCount = (topic: string) => number | undefined;

export class MemoryGroups {
  readonly #partitionCount: PartitionCount;
  readonly #groups = new Map<string, MemoryGroup>();

  constructor(partitionCount: PartitionCount) {
    this.#partitionCount = partitionCount;
  }

  join(request: JoinRequest): GroupMembership {
    return this.#group(request.group).join(request);
  }

  committed(group: string): readonly GroupOffset[] {
    return [...(this.#groups.get(group)?.offsets.values() ?? [])];
  }

  commit(group: string, offsets: readonly GroupOffset[]): void {
    const found = this.#group(group);
    if (found.members.length > 0) throw new ThroughlineError('LOG_REFUSED', `group ${group} has members`);
    const unknown = offsets.find(({ topic }) => this.#partitionCount(topic) === undefined);
    if (unknown !== undefined) throw new ThroughlineError('UNKNOWN_TOPIC', unknown.topic);
    for (const offset of offsets) found.offsets.set(keyOf(offset), offset);
  }

  /** Topics have come or gone. */
  onTopics(): void {
    for (const group of this.#groups.values()) group.rebalance();
  }

  close(): void {
    for (const group of this.#groups.values()) group.close();
  }

  #group(name: string): MemoryGroup {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new MemoryGroup(name, this.#partitionCount)));
    return group;
  }
}

class MemoryGroup {
  readonly name: string;
  readonly members: MemoryMember[] = [];
  readonly offsets = new Map<string, GroupOffset>();
  readonly #partitionCount: PartitionCount;
  #generation = 0;

  constructor(name: string, partitionCount: PartitionCount) {
    this.name = name;
    this.#partitionCount = partitionCount;
  }

  join(request: JoinRequest): MemoryMember {
    const { instanceId, signal } = request;
    const older = this.members.find((member) => instanceId !== undefined && member.request.instanceId === instanceId);
    older?.fence(this.#generation);
    const member = new MemoryMember(this, request);
    this.members.push(member);
    signal?.addEventListener('abort', () => void member.close(), { once: true });
    this.rebalance();
    if (signal?.aborted === true) void member.close();
    return member;
  }

  close(): void {
    // Each one that is closed leaves the list.
    while (this.members.length > 0) void this.members[0]!.close();
  }

  leave(member: MemoryMember): void {
    const index = this.members.indexOf(member);
    if (index === -1) return;
    this.members.splice(index, 1);
    this.rebalance();
  }

  rebalance(): void {
    this.#generation++;
    const targets = new Map<string, MemoryMember>();
    const partitions = new Map<string, TopicPartition>();
    for (const topic of new Set(this.members.flatMap(({ request }) => request.topics))) {
      const readers = this.members.filter(({ request }) => request.topics.includes(topic));
      for (let partition = 0; partition < (this.#partitionCount(topic) ?? 0); partition++) {
        const place = { topic, partition };
        partitions.set(keyOf(place), place);
        targets.set(keyOf(place), readers[targets.size % readers.length]!);
      }
    }
    for (const member of this.members) member.revoke(this.#generation, (key) => targets.get(key) !== member);
    for (const member of this.members) {
      const free = [...partitions].filter(
        ([key]) => targets.get(key) === member && this.members.every((other) => !other.held.has(key)),
      );
      member.assign(this.#generation, free);
    }
  }
}

class MemoryMember implements GroupMembership {
  readonly request: JoinRequest;
  readonly held = new Map<string, TopicPartition>();
  readonly #group: MemoryGroup;
  readonly #revoked = new Set<string>();
  readonly #changes: AssignmentChange[] = [];
  #hasBegun = false;
  #failure: ThroughlineError | undefined;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  constructor(group: MemoryGroup, request: JoinRequest) {
    this.#group = group;
    this.request = request;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AssignmentChange> {
    for (;;) {
      const change = this.#changes.shift();
      if (change !== undefined) yield change;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#hasEnded) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  revoke(generation: number, isElsewhere: (key: string) => boolean): void {
    const partitions: TopicPartition[] = [];
    for (const [key, partition] of this.held) {
      if (this.#revoked.has(key) || !isElsewhere(key)) continue;
      this.#revoked.add(key);
      partitions.push(partition);
    }
    if (partitions.length > 0) this.#tell({ kind: 'revoked', generation, partitions });
  }

  assign(generation: number, free: readonly (readonly [string, TopicPartition])[]): void {
    for (const [key, partition] of free) this.held.set(key, partition);
    const partitions = free.map(([, partition]) => partition);
    if (partitions.length > 0 || !this.#hasBegun) this.#tell({ kind: 'assigned', generation, partitions });
    this.#hasBegun = true;
  }

  release(partitions: readonly TopicPartition[]): void {
    let isAny = false;
    for (const key of partitions.map(keyOf)) {
      if (this.#revoked.delete(key)) isAny = this.held.delete(key);
    }
    if (isAny) this.#group.rebalance();
  }

  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#hasEnded) throw new ThroughlineError('CLOSED', `this member has left group ${this.#group.name}`);
    for (const offset of offsets) if (this.held.has(keyOf(offset))) this.#group.offsets.set(keyOf(offset), offset);
  }

  fence(generation: number): void {
    const partitions = [...this.held.values()];
    if (partitions.length > 0) this.#tell({ kind: 'lost', generation, partitions });
    this.#failure = new ThroughlineError('GROUP_MEMBER_FENCED', `group ${this.#group.name}`);
    this.#end();
  }

  async close(): Promise<void> {
    this.#end();
  }

  #end(): void {
    this.#hasEnded = true;
    this.held.clear();
    this.#revoked.clear();
    this.#group.leave(this);
    this.#wake?.();
  }

  #tell(change: AssignmentChange): void {
    this.#changes.push(change);
    this.#wake?.();
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
