// A classic consumer group: who is in it, in which state and generation it is, and the only one to change that. What has happened
// it is told by its methods; when something is to happen, and what is asked for, is the affair of others: rebalance.ts has the
// phases and their times, joins.ts and members.ts the requests of members.
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
import { noBytes, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponseMember } from '@throughline/wire/apis';
import { rejectedJoin, rejectedSync } from './group-answers.ts';
import type { GroupMember, MemberProtocol, MemberTerms } from './group-member.ts';
import { MemberTally } from './member-tally.ts';
import { consumerProtocolType, subscribedTopics } from './subscribed-topics.ts';

/** As DescribeGroups and ListGroups name them. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

/** What happens to a group as a whole. */
type Transition = 'prepare' | 'begin' | 'beginEmpty' | 'assign' | 'end';

/** Which state follows; what is not here cannot happen. */
const transitions: Readonly<Record<GroupState, Partial<Record<Transition, GroupState>>>> = {
  Empty: { prepare: 'PreparingRebalance', end: 'Dead' },
  PreparingRebalance: { begin: 'CompletingRebalance', beginEmpty: 'Empty', end: 'Dead' },
  CompletingRebalance: { assign: 'Stable', prepare: 'PreparingRebalance', end: 'Dead' },
  Stable: { prepare: 'PreparingRebalance', end: 'Dead' },
  Dead: { end: 'Dead' },
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
  #generationId = 0;
  #protocolType: string | null = null;
  #protocolName: string | null = null;
  #leaderId: string | null = null;
  #hasNewMember = false;
  /** Fires when the join phase ends whoever has joined. */
  #joinTimer: Timer | undefined;
  /** Fires when whoever has not synced is removed. */
  #syncTimer: Timer | undefined;
  /** In the order in which they came. */
  readonly #members = new Map<string, GroupMember>();
  readonly #tally = new MemberTally();
  /** Member ids by the instance ids of static members. */
  readonly #staticMembers = new Map<string, string>();
  /** Ids that were given out and not used yet (KIP-394), with the timers that take them back. */
  readonly #pendingJoins = new Map<string, Timer>();
  /** Who has the generation and has not asked for its assignment. */
  readonly #pendingSyncs = new Set<string>();
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
      group.#members.set(member.memberId, member);
      member.countIn(group.#tally);
      const { groupInstanceId } = member.identity;
      if (groupInstanceId !== null) group.#staticMembers.set(groupInstanceId, member.memberId);
    }
    group.#generationId = origin.generationId;
    group.#protocolType = origin.protocolType;
    group.#protocolName = origin.protocolName;
    group.#leaderId = origin.leaderId;
    group.#stateSinceMs = origin.stateSinceMs;
    group.#state = origin.members.length === 0 ? 'Empty' : 'Stable';
    group.#readSubscriptions();
    return group;
  }

  get generationId(): number {
    return this.#generationId;
  }

  /** `consumer` for consumers; null for a simple group, which has only offsets. */
  get protocolType(): string | null {
    return this.#protocolType;
  }

  get protocolName(): string | null {
    return this.#protocolName;
  }

  get leaderId(): string | null {
    return this.#leaderId;
  }

  /** In the order in which they came, by their ids. */
  get members(): ReadonlyMap<string, GroupMember> {
    return this.#members;
  }

  get state(): GroupState {
    return this.#state;
  }

  get stateSinceMs(): number | undefined {
    return this.#stateSinceMs;
  }

  get canRebalance(): boolean {
    return transitions[this.#state].prepare !== undefined;
  }

  /** The first members of an empty group come together, for as long as the initial delay says (KIP-134). */
  get isInitial(): boolean {
    return this.#state === 'PreparingRebalance' && this.#previousState === 'Empty';
  }

  get isConsumerGroup(): boolean {
    return this.#protocolType === consumerProtocolType;
  }

  /** It has no members, and nobody has been given an id. */
  get isUnused(): boolean {
    return this.#state === 'Empty' && this.#pendingJoins.size === 0;
  }

  /** Whether the coordinator knows which topics the members read. */
  get knowsSubscriptions(): boolean {
    return this.#subscribedTopics !== undefined;
  }

  get hasAllJoined(): boolean {
    return this.#pendingJoins.size === 0 && this.#tally.awaitingJoinCount === this.#members.size;
  }

  get hasOnlyInProcessMembers(): boolean {
    for (const member of this.#members.values()) if (!member.isInProcess) return false;
    return true;
  }

  /** The longest that any member asks for. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0;
    for (const { terms } of this.#members.values()) longestMs = Math.max(longestMs, terms.rebalanceTimeoutMs);
    return longestMs;
  }

  isLeader(memberId: string): boolean {
    return this.#leaderId === memberId;
  }

  /** The static member of an instance id. */
  staticMember(groupInstanceId: string): GroupMember | undefined {
    return this.#members.get(this.#staticMembers.get(groupInstanceId) ?? '');
  }

  /** Whether it has room for somebody, new or known. */
  hasPlaceFor(memberId: string, memberCountMax: number): boolean {
    const member = this.#members.get(memberId);
    switch (this.#state) {
      case 'PreparingRebalance':
        // By those who wait, not by all: a group that is too large shrinks to what it may have as its members join again.
        return member?.isAwaitingJoin === true || this.#tally.awaitingJoinCount < memberCountMax;
      case 'CompletingRebalance':
      case 'Stable':
        return member !== undefined || this.#members.size < memberCountMax;
      default:
        return true;
    }
  }

  add(member: GroupMember, protocolType: string): void {
    const { groupInstanceId } = member.identity;
    if (groupInstanceId !== null) this.#staticMembers.set(groupInstanceId, member.memberId);
    if (this.#members.size === 0) this.#protocolType = protocolType;
    this.#leaderId ??= member.memberId;
    if (this.isInitial) this.#hasNewMember = true;
    this.#members.set(member.memberId, member);
    member.countIn(this.#tally);
    this.forgetPending(member.memberId);
  }

  /** Takes somebody out, with every timer and mark; the next member leads when it was the leader. */
  remove(memberId: string): void {
    const member = this.#members.get(memberId);
    if (member !== undefined) {
      this.#members.delete(memberId);
      member.countOut();
      member.endSession();
      // It may go while it waits. UNKNOWN_MEMBER_ID makes a client that is still there join again.
      member.answerJoin(rejectedJoin('UNKNOWN_MEMBER_ID', ''));
      member.answerSync(rejectedSync('UNKNOWN_MEMBER_ID'));
      const { groupInstanceId } = member.identity;
      if (groupInstanceId !== null) this.#staticMembers.delete(groupInstanceId);
    }
    if (this.isLeader(memberId)) this.#leaderId = this.#members.keys().next().value ?? null;
    this.forgetPending(memberId);
    this.#pendingSyncs.delete(memberId);
  }

  /** Somebody was given this id, and `timer` takes it back. */
  expectJoin(memberId: string, timer: Timer): void {
    this.#pendingJoins.set(memberId, timer);
  }

  isJoinExpected(memberId: string): boolean {
    return this.#pendingJoins.has(memberId);
  }

  forgetPending(memberId: string): void {
    this.#pendingJoins.get(memberId)?.cancel();
    this.#pendingJoins.delete(memberId);
  }

  /** Gives a static member another id, and its place. Who had the old id is fenced. */
  replaceStatic(old: GroupMember, newMemberId: string, terms?: MemberTerms): GroupMember {
    const member = old.underId(newMemberId, terms);
    old.endSession();
    old.countOut();
    this.#members.delete(old.memberId);
    this.#members.set(newMemberId, member);
    member.countIn(this.#tally);
    if (this.isLeader(old.memberId)) this.#leaderId = newMemberId;
    this.#staticMembers.set(old.identity.groupInstanceId!, newMemberId);
    // The old id will not sync any more, the new one owes nothing before it has joined a generation.
    this.#pendingSyncs.delete(old.memberId);
    return member;
  }

  /** Everybody has to join again. */
  prepare(nowMs: number): void {
    this.#pendingSyncs.clear();
    this.#syncTimer?.cancel();
    this.#transition('prepare', nowMs);
  }

  /** The join phase ends when `timer` fires, and no more when the one before did. */
  awaitJoins(timer: Timer): void {
    this.#joinTimer?.cancel();
    this.#joinTimer = timer;
  }

  /** The join phase ends now. */
  endJoins(): void {
    this.#joinTimer?.cancel();
  }

  /** Whether a member was added since this was last asked, or since the initial delay began. */
  takeHasNewMember(): boolean {
    const hasNewMember = this.#hasNewMember;
    this.#hasNewMember = false;
    return hasNewMember;
  }

  /** Makes somebody the leader who has joined. @returns false when nobody has */
  electJoinedLeader(): boolean {
    if (this.#leaderId === null) return false;
    if (this.#members.get(this.#leaderId)?.isAwaitingJoin === true) return true;
    for (const member of this.#members.values()) {
      if (!member.isAwaitingJoin) continue;
      this.#leaderId = member.memberId;
      return true;
    }
    return false;
  }

  /** Whether somebody with these protocols could be in it beside all others. */
  supportsProtocols(protocolType: string, protocols: readonly MemberProtocol[]): boolean {
    if (this.#state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === this.#protocolType && protocols.some(({ name }) => this.#allSupport(name));
  }

  /** The protocol of the next generation: of those that all support, the one that most members prefer. */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const { terms } of this.#members.values()) {
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
    const isEmpty = this.#members.size === 0;
    this.#generationId++;
    this.#protocolName = isEmpty ? null : this.selectProtocol();
    this.#readSubscriptions();
    this.#transition(isEmpty ? 'beginEmpty' : 'begin', nowMs);
    this.#pendingSyncs.clear();
  }

  /** A member knows of the generation; it owes a SyncGroup. */
  oweSync(member: GroupMember): void {
    member.takePart();
    this.#pendingSyncs.add(member.memberId);
  }

  /** Whoever owes a SyncGroup has until `timer` fires. */
  awaitSyncs(timer: Timer): void {
    this.#syncTimer?.cancel();
    this.#syncTimer = timer;
  }

  /** Somebody has synced; when all have, nobody is waited for any more. */
  synced(memberId: string): void {
    this.#pendingSyncs.delete(memberId);
    if (this.#pendingSyncs.size === 0) this.#syncTimer?.cancel();
  }

  /** Who owes a SyncGroup. */
  get owing(): readonly string[] {
    return [...this.#pendingSyncs];
  }

  /** The leader has shared out the work, and that is kept. */
  assign(assignments: ReadonlyMap<string, Uint8Array>, nowMs: number): void {
    for (const member of this.#members.values()) member.assign(assignments.get(member.memberId) ?? noBytes);
    this.#transition('assign', nowMs);
  }

  /** Nobody gets the assignment of this generation. */
  withdrawAssignments(): void {
    for (const member of this.#members.values()) member.assign(noBytes);
  }

  /** It is no more: its timers stop, and whoever waits is told so. */
  end(error: KafkaErrorName, nowMs: number): void {
    this.#joinTimer?.cancel();
    this.#syncTimer?.cancel();
    for (const timer of this.#pendingJoins.values()) timer.cancel();
    for (const member of this.#members.values()) {
      member.endSession();
      member.answerJoin(rejectedJoin(error, member.memberId));
      member.answerSync(rejectedSync(error));
    }
    this.#transition('end', nowMs);
  }

  /** What the leader is told of everybody. */
  joinedMembers(): readonly JoinGroupResponseMember[] {
    return Array.from(this.#members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.identity.groupInstanceId,
      metadata: member.metadata(this.#protocolName),
    }));
  }

  /** Says what is wrong with a request in somebody's name, if anything. */
  memberProblem(memberId: string, groupInstanceId: string | null): KafkaErrorName | undefined {
    if (groupInstanceId !== null) {
      const known = this.#staticMembers.get(groupInstanceId);
      if (known === undefined) return 'UNKNOWN_MEMBER_ID';
      if (known !== memberId) return 'FENCED_INSTANCE_ID';
    }
    return this.#members.has(memberId) ? undefined : 'UNKNOWN_MEMBER_ID';
  }

  isSubscribedTo(topic: string): boolean {
    return this.#subscribedTopics?.has(topic) ?? this.isConsumerGroup;
  }

  #transition(transition: Transition, nowMs: number): void {
    const state = transitions[this.#state][transition];
    assert(state !== undefined, `${this.groupId}: ${transition} in ${this.#state}`);
    this.#previousState = this.#state;
    this.#state = state;
    this.#stateSinceMs = nowMs;
  }

  #allSupport(protocol: string): boolean {
    return this.#tally.knowingCount(protocol) === this.#members.size;
  }

  #readSubscriptions(): void {
    const metadata = Array.from(this.#members.values(), (member) => member.metadata(this.#protocolName));
    this.#subscribedTopics = this.isConsumerGroup ? subscribedTopics(metadata) : undefined;
  }
}
