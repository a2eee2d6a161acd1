// A classic consumer group: who is in it, in which state and generation it is, and what follows from that. It changes
// nothing by itself; rebalance.ts moves it from state to state, joins.ts and members.ts do what members ask for.
//
//                     all joined, or time is up            leader's SyncGroup is kept
//   PreparingRebalance ───────────────────────▶ CompletingRebalance ─────────────────▶ Stable
//        ▲    │  ▲                                       │  somebody joins, leaves,      │
//        │    │  └───────────────────────────────────────┴──────── times out ────────────┘
//   join │    │ nobody is left
//        └─ Empty ──────▶ Dead   deleted; also from any other state when the coordinator is gone
//
// The rules are Kafka's (Apache Kafka 4.3.1, ClassicGroup and GroupMetadataManager; KIP-62, KIP-345, KIP-394).
import { assert, type Timer } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponseMember } from '@throughline/wire/apis';
import { refusedJoin, refusedSync } from './group-answers.ts';
import { GroupMember, type MemberProtocol } from './group-member.ts';
import { consumerProtocolType, subscribedTopics } from './subscribed-topics.ts';

/** As DescribeGroups and ListGroups name them. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

const previousStates: Readonly<Record<GroupState, readonly GroupState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'],
};

/** What of a group outlives the coordinator. */
export interface GroupOrigin {
  readonly generationId: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leaderId: string | null;
  /** When it came into its state, in milliseconds since 1970; undefined in records from before Kafka 2.1. */
  readonly stateSinceMs: number | undefined;
  readonly members: readonly GroupMember[];
}

export class Group {
  readonly groupId: string;
  generationId = 0;
  /** `consumer` for consumers; null for a simple group, which has only offsets. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  /** A member was added since the initial delay began (KIP-134). */
  hasNewMember = false;
  /** Fires when the join phase ends whoever has joined. */
  joinTimer: Timer | undefined;
  /** Fires when whoever has not synced is removed. */
  syncTimer: Timer | undefined;
  /** In the order in which they came. */
  readonly members = new Map<string, GroupMember>();
  /** Member ids by the instance ids of static members. */
  readonly staticMembers = new Map<string, string>();
  /** Ids that were given out and not used yet (KIP-394), with the timers that take them back. */
  readonly pendingJoins = new Map<string, Timer>();
  /** Who has the generation and has not asked for its assignment. */
  readonly pendingSyncs = new Set<string>();
  #state: GroupState = 'Empty';
  #previousState: GroupState = 'Dead';
  #stateSinceMs: number | undefined;
  /** Undefined where the coordinator cannot know. */
  #subscribedTopics: ReadonlySet<string> | undefined;

  constructor(groupId: string, nowMs: number) {
    this.groupId = groupId;
    this.#stateSinceMs = nowMs;
  }

  /** A group as it was kept: stable with its members, or empty. */
  static restored(groupId: string, origin: GroupOrigin): Group {
    const group = new Group(groupId, 0);
    for (const member of origin.members) {
      group.members.set(member.memberId, member);
      const { groupInstanceId } = member.identity;
      if (groupInstanceId !== null) group.staticMembers.set(groupInstanceId, member.memberId);
    }
    group.generationId = origin.generationId;
    group.protocolType = origin.protocolType;
    group.protocolName = origin.protocolName;
    group.leaderId = origin.leaderId;
    group.#stateSinceMs = origin.stateSinceMs;
    group.#state = origin.members.length === 0 ? 'Empty' : 'Stable';
    group.#readSubscriptions();
    return group;
  }

  get state(): GroupState {
    return this.#state;
  }

  get previousState(): GroupState {
    return this.#previousState;
  }

  get stateSinceMs(): number | undefined {
    return this.#stateSinceMs;
  }

  get canRebalance(): boolean {
    return previousStates.PreparingRebalance.includes(this.#state);
  }

  get isConsumerGroup(): boolean {
    return this.protocolType === consumerProtocolType;
  }

  /** Whether the coordinator knows which topics the members read. */
  get knowsSubscriptions(): boolean {
    return this.#subscribedTopics !== undefined;
  }

  get awaitingJoinCount(): number {
    let count = 0;
    for (const member of this.members.values()) if (member.isAwaitingJoin) count++;
    return count;
  }

  get hasAllJoined(): boolean {
    return this.pendingJoins.size === 0 && this.awaitingJoinCount === this.members.size;
  }

  get hasOnlyInProcessMembers(): boolean {
    for (const member of this.members.values()) if (!member.isInProcess) return false;
    return true;
  }

  /** The longest that any member asks for. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0;
    for (const { terms } of this.members.values()) longestMs = Math.max(longestMs, terms.rebalanceTimeoutMs);
    return longestMs;
  }

  transitionTo(state: GroupState, nowMs: number): void {
    assert(previousStates[state].includes(this.#state), `${this.groupId}: ${this.#state} to ${state}`);
    this.#previousState = this.#state;
    this.#state = state;
    this.#stateSinceMs = nowMs;
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId;
  }

  add(member: GroupMember, protocolType: string): void {
    const { groupInstanceId } = member.identity;
    if (groupInstanceId !== null) this.staticMembers.set(groupInstanceId, member.memberId);
    if (this.members.size === 0) this.protocolType = protocolType;
    this.leaderId ??= member.memberId;
    this.members.set(member.memberId, member);
    this.forgetPending(member.memberId);
  }

  /** Takes somebody out, with every timer and mark; the next member leads when it was the leader. */
  remove(memberId: string): void {
    const member = this.members.get(memberId);
    if (member !== undefined) {
      this.members.delete(memberId);
      member.sessionTimer?.cancel();
      // It may go while it waits. UNKNOWN_MEMBER_ID makes a client that is still there join again.
      member.answerJoin(refusedJoin('UNKNOWN_MEMBER_ID', ''));
      member.answerSync(refusedSync('UNKNOWN_MEMBER_ID'));
      const { groupInstanceId } = member.identity;
      if (groupInstanceId !== null) this.staticMembers.delete(groupInstanceId);
    }
    if (this.isLeader(memberId)) this.leaderId = this.members.keys().next().value ?? null;
    this.forgetPending(memberId);
    this.pendingSyncs.delete(memberId);
  }

  forgetPending(memberId: string): void {
    this.pendingJoins.get(memberId)?.cancel();
    this.pendingJoins.delete(memberId);
  }

  /** Gives a static member another id, and its place. Who had the old id is fenced. */
  replaceStatic(old: GroupMember, newMemberId: string): GroupMember {
    const member = new GroupMember({ ...old.identity, memberId: newMemberId }, old.terms);
    member.assignment = old.assignment;
    old.sessionTimer?.cancel();
    this.members.delete(old.memberId);
    this.members.set(newMemberId, member);
    if (this.isLeader(old.memberId)) this.leaderId = newMemberId;
    this.staticMembers.set(old.identity.groupInstanceId!, newMemberId);
    // The old id will not sync any more, the new one owes nothing before it has joined a generation.
    this.pendingSyncs.delete(old.memberId);
    return member;
  }

  /** Makes somebody the leader who has joined. @returns false when nobody has */
  electJoinedLeader(): boolean {
    if (this.leaderId === null) return false;
    if (this.members.get(this.leaderId)?.isAwaitingJoin === true) return true;
    for (const member of this.members.values()) {
      if (!member.isAwaitingJoin) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  /** Whether somebody with these protocols could be in it beside all others. */
  supportsProtocols(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === this.protocolType && protocols.some(({ name }) => this.#allSupport(name));
  }

  /** The protocol of the next generation: of those that all support, the one that most members prefer. */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const { terms } of this.members.values()) {
      const vote = terms.protocols.find(({ name }) => this.#allSupport(name));
      assert(vote !== undefined, `${this.groupId} has no protocol that all members support`);
      votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1);
    }
    const [first, ...others] = votes;
    assert(first !== undefined, `${this.groupId} has no members`);
    return others.reduce((best, one) => (one[1] > best[1] ? one : best), first)[0];
  }

  /** Begins the next generation with whoever is in the group. */
  beginGeneration(nowMs: number): void {
    const isEmpty = this.members.size === 0;
    this.generationId++;
    this.protocolName = isEmpty ? null : this.selectProtocol();
    this.#readSubscriptions();
    this.transitionTo(isEmpty ? 'Empty' : 'CompletingRebalance', nowMs);
    this.pendingSyncs.clear();
  }

  /** What the leader is told of everybody. */
  joinedMembers(): readonly JoinGroupResponseMember[] {
    return Array.from(this.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.identity.groupInstanceId,
      metadata: member.metadata(this.protocolName),
    }));
  }

  /** Says what is wrong with a request in somebody's name, if anything. */
  memberProblem(memberId: string, groupInstanceId: string | null): KafkaErrorName | undefined {
    if (groupInstanceId !== null) {
      const known = this.staticMembers.get(groupInstanceId);
      if (known === undefined) return 'UNKNOWN_MEMBER_ID';
      if (known !== memberId) return 'FENCED_INSTANCE_ID';
    }
    return this.members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID';
  }

  isSubscribedTo(topic: string): boolean {
    return this.#subscribedTopics?.has(topic) ?? this.isConsumerGroup;
  }

  #allSupport(protocol: string): boolean {
    for (const member of this.members.values()) if (!member.supports(protocol)) return false;
    return true;
  }

  #readSubscriptions(): void {
    const metadata = Array.from(this.members.values(), (member) => member.metadata(this.protocolName));
    this.#subscribedTopics = this.isConsumerGroup ? subscribedTopics(metadata) : undefined;
  }
}
