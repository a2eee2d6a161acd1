// JoinGroup: somebody wants to be in the next generation. New members get an id first (KIP-394), static members take back
// their place without disturbing the others (KIP-345), and whoever brings nothing new to a stable group just learns of it.
import { stringBytesMax, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import { rejectedJoin, rejectedSync, storeErrorOf } from './group-answers.ts';
import type { GroupEnvironment } from './group-environment.ts';
import { GroupMember, type MemberTerms } from './group-member.ts';
import type { Group } from './group.ts';
import { joinedResponse, type Rebalances } from './rebalance.ts';

export interface JoinRequest extends MemberTerms {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly protocolType: string;
  /** Why it joins, in its own words (KIP-800). */
  readonly reason: string | null;
  /** Version 4 on: a new member comes back with the id that it is given. */
  readonly needsMemberId: boolean;
  /** Version 9 on: a leader can be told to leave the assignment as it is (KIP-814). */
  readonly canSkipAssignment: boolean;
}

type Reply = (response: JoinGroupResponse) => void;

export class Joins {
  readonly #environment: GroupEnvironment;
  readonly #rebalances: Rebalances;

  constructor(environment: GroupEnvironment, rebalances: Rebalances) {
    this.#environment = environment;
    this.#rebalances = rebalances;
  }

  /** `reply` is called once: at once, or when the generation begins. */
  join(group: Group, request: JoinRequest, reply: Reply): void {
    const { memberId } = request;
    if (!group.hasPlaceFor(memberId, this.#environment.settings.memberCountMax)) {
      group.remove(memberId);
      return reply(rejectedJoin('GROUP_MAX_SIZE_REACHED', ''));
    }
    const reject = (error: KafkaErrorName): void => reply(rejectedJoin(error, memberId));
    if (group.state === 'Dead') return reject('COORDINATOR_NOT_AVAILABLE');
    if (!group.supportsProtocols(request.protocolType, request.protocols)) return reject('INCONSISTENT_GROUP_PROTOCOL');
    if (memberId === '') return this.#joinNew(group, request, reply);
    if (group.isJoinExpected(memberId)) {
      // An id that was given to a dynamic member.
      if (request.groupInstanceId !== null) return reject('UNKNOWN_MEMBER_ID');
      return this.#add(group, request, memberId, reply);
    }
    const problem = group.memberProblem(memberId, request.groupInstanceId);
    if (problem !== undefined) return reject(problem);
    this.#joinAgain(group, group.members.get(memberId)!, request, reply);
  }

  #joinNew(group: Group, request: JoinRequest, reply: Reply): void {
    const { groupInstanceId, clientId } = request;
    const memberId = `${groupInstanceId ?? clientId}-${uuid(this.#environment.random.bytes(16))}`;
    // An id longer than a string can be fits into no answer and no record; Apache Kafka fails over it, in these words.
    if (Buffer.byteLength(memberId) > stringBytesMax) return reply(rejectedJoin('UNKNOWN_SERVER_ERROR', ''));
    if (groupInstanceId !== null) {
      const known = group.staticMember(groupInstanceId);
      if (known === undefined) this.#add(group, request, memberId, reply);
      else this.#replaceStatic(group, known, memberId, request, reply);
    } else if (request.needsMemberId) {
      this.#rebalances.expectPending(group, memberId, request.sessionTimeoutMs);
      reply(rejectedJoin('MEMBER_ID_REQUIRED', memberId));
    } else {
      this.#add(group, request, memberId, reply);
    }
  }

  #joinAgain(group: Group, member: GroupMember, request: JoinRequest, reply: Reply): void {
    const { state } = group;
    const { memberId } = member;
    const isSame = member.matches(request.protocols);
    if (state === 'CompletingRebalance' && isSame) {
      // The answer to its first JoinGroup was lost.
      reply(joinedResponse(group, member));
    } else if (state === 'Stable' && isSame && !group.isLeader(memberId)) {
      reply(joinedResponse(group, member));
    } else if (state === 'Empty') {
      reply(rejectedJoin('UNKNOWN_MEMBER_ID', memberId));
    } else {
      // A leader that joins again wants a rebalance: something has changed that its metadata does not show, partitions, say.
      member.rejoin(termsOf(request), reply);
      this.#rebalances.prepareOrComplete(group, because(request, `member ${memberId} joins again in state ${state}`));
    }
  }

  #add(group: Group, request: JoinRequest, memberId: string, reply: Reply): void {
    const { groupInstanceId, clientId, clientHost, protocolType } = request;
    const identity = { memberId, groupInstanceId, clientId, clientHost };
    const member = GroupMember.joining(identity, termsOf(request), reply);
    group.add(member, protocolType);
    // It has no id to send heartbeats with before it is answered, and a client that is gone leaves a JoinGroup behind.
    this.#rebalances.expectHeartbeat(group, member, this.#environment.settings.newMemberJoinTimeoutMs);
    this.#rebalances.prepareOrComplete(group, because(request, `new member ${memberId}`));
  }

  /** A static member is back, without its id: it gets another one, and the old one is fenced. */
  #replaceStatic(group: Group, known: GroupMember, memberId: string, request: JoinRequest, reply: Reply): void {
    const leaderBefore = group.leaderId;
    const { terms: termsBefore } = known;
    known.answerJoin(rejectedJoin('FENCED_INSTANCE_ID', known.memberId));
    known.answerSync(rejectedSync('FENCED_INSTANCE_ID'));
    const member = group.replaceStatic(known, memberId);
    member.rejoin(termsOf(request), reply);
    this.#rebalances.expectHeartbeat(group, member);
    const { state } = group;
    if (state === 'PreparingRebalance') return this.#rebalances.completeIfAllJoined(group);
    if (state !== 'Stable' || group.selectProtocol() !== group.protocolName) {
      // In CompletingRebalance the leader knows only the old id, and would give the new one nothing.
      return this.#rebalances.prepareOrComplete(group, because(request, `static member ${memberId} is back`));
    }
    const { generationId } = group;
    const isCurrent = (): boolean => group.state === 'Stable' && group.generationId === generationId;
    this.#environment.store.keepGroup(group, assignmentsOf(group)).then(
      () => {
        // A rebalance that has begun meanwhile answers it.
        if (!isCurrent()) return;
        const isLeader = group.isLeader(memberId);
        const joined = joinedResponse(group, member);
        if (request.canSkipAssignment) member.answerJoin({ ...joined, skipAssignment: isLeader });
        // An older leader would assign anew: it is told that somebody else leads.
        else member.answerJoin({ ...joined, leader: leaderBefore ?? '', members: [] });
      },
      (error: unknown) => {
        const { groupId } = group;
        this.#environment.logger.warn({ groupId, memberId, error }, 'the new id of a static member could not be kept');
        if (!isCurrent() || group.members.get(memberId) !== member) return;
        member.answerJoin(rejectedJoin(storeErrorOf(error), ''));
        const restored = group.replaceStatic(member, known.memberId, termsBefore);
        this.#rebalances.expectHeartbeat(group, restored);
      },
    );
  }
}

function termsOf({ protocols, rebalanceTimeoutMs, sessionTimeoutMs }: JoinRequest): MemberTerms {
  return { protocols, rebalanceTimeoutMs, sessionTimeoutMs };
}

export function assignmentsOf(group: Group): ReadonlyMap<string, Uint8Array> {
  return new Map(Array.from(group.members.values(), ({ memberId, assignment }) => [memberId, assignment]));
}

function because({ reason }: JoinRequest, what: string): string {
  return `${what}; client reason: ${reason ?? 'not provided'}`;
}

function uuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
