// What members of a group ask for once they have joined: their assignment, to stay, and to go.
import type { KafkaErrorName } from '@throughline/wire';
import type { LeaveGroupRequest, LeaveGroupResponse, SyncGroupResponse } from '@throughline/wire/apis';
import { rejectedSync } from './group-answers.ts';
import type { GroupEnvironment } from './group-environment.ts';
import type { Group } from './group.ts';
import type { Rebalances } from './rebalance.ts';

export interface MemberRequest {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly generationId: number;
}

export interface SyncRequest extends MemberRequest {
  /** Version 5 on (KIP-559), else null. */
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  /** By member ids; of the leader only. */
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

export class Members {
  readonly #environment: GroupEnvironment;
  readonly #rebalances: Rebalances;

  constructor(environment: GroupEnvironment, rebalances: Rebalances) {
    this.#environment = environment;
    this.#rebalances = rebalances;
  }

  /** `reply` is called once: at once, or when the leader's assignment is kept. */
  sync(group: Group, request: SyncRequest, reply: (response: SyncGroupResponse) => void): void {
    const problem = this.#requestProblem(group, request) ?? protocolProblem(group, request);
    if (problem !== undefined) return reply(rejectedSync(problem));
    const member = group.members.get(request.memberId)!;
    const { protocolType, protocolName } = group;
    switch (group.state) {
      case 'Empty':
        return reply(rejectedSync('UNKNOWN_MEMBER_ID'));
      case 'PreparingRebalance':
        return reply(rejectedSync('REBALANCE_IN_PROGRESS'));
      case 'CompletingRebalance':
        member.awaitAssignment(reply);
        group.synced(member.memberId);
        if (group.isLeader(member.memberId)) this.#rebalances.assign(group, request.assignments);
        return;
      default:
        group.synced(member.memberId);
        reply({ errorCode: 'NONE', protocolType, protocolName, assignment: member.assignment });
    }
  }

  heartbeat(group: Group, request: MemberRequest): KafkaErrorName {
    const problem = this.#requestProblem(group, request);
    if (problem !== undefined) return problem;
    if (group.state === 'Empty') return 'UNKNOWN_MEMBER_ID';
    this.heardOf(group, request.memberId);
    return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
  }

  /** The session of a member begins anew. */
  heardOf(group: Group, memberId: string): void {
    const member = group.members.get(memberId);
    if (member !== undefined) this.#rebalances.expectHeartbeat(group, member);
  }

  /** Members leave by their ids, or are removed by their instance ids without (version 3 on, KIP-345). */
  leave(group: Group, leaving: NonNullable<LeaveGroupRequest['members']>): LeaveGroupResponse {
    if (group.state === 'Dead') return { errorCode: 'COORDINATOR_NOT_AVAILABLE', members: [] };
    const left: string[] = [];
    const members = leaving.map(({ memberId, groupInstanceId = null, reason = null }) => {
      const problem = this.#remove(group, memberId, groupInstanceId, reason);
      if (problem === undefined) left.push(memberId);
      return { memberId, groupInstanceId, errorCode: problem ?? 'NONE' };
    });
    if (left.length > 0) {
      if (group.state === 'Stable' || group.state === 'CompletingRebalance') {
        this.#rebalances.prepareOrComplete(group, `members left: ${left.join(', ')}`);
      } else {
        this.#rebalances.completeIfAllJoined(group);
      }
    }
    return { errorCode: 'NONE', members };
  }

  #remove(
    group: Group,
    memberId: string,
    groupInstanceId: string | null,
    reason: string | null,
  ): KafkaErrorName | undefined {
    const { groupId } = group;
    if (memberId === '') {
      const known = groupInstanceId === null ? undefined : group.staticMember(groupInstanceId);
      if (known === undefined) return 'UNKNOWN_MEMBER_ID';
      group.remove(known.memberId);
    } else if (group.isJoinExpected(memberId)) {
      group.forgetPending(memberId);
    } else {
      const problem = group.memberProblem(memberId, groupInstanceId);
      if (problem !== undefined) return problem;
      group.remove(memberId);
    }
    this.#environment.logger.info({ groupId, memberId, groupInstanceId, reason }, 'a member has left its group');
    return undefined;
  }

  #requestProblem(group: Group, request: MemberRequest): KafkaErrorName | undefined {
    if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE';
    const problem = group.memberProblem(request.memberId, request.groupInstanceId);
    if (problem !== undefined) return problem;
    return request.generationId === group.generationId ? undefined : 'ILLEGAL_GENERATION';
  }
}

function protocolProblem(group: Group, request: SyncRequest): KafkaErrorName | undefined {
  const isOther = (asked: string | null, is: string | null): boolean => asked !== null && is !== null && asked !== is;
  const isInconsistent =
    isOther(request.protocolType, group.protocolType) || isOther(request.protocolName, group.protocolName);
  return isInconsistent ? 'INCONSISTENT_GROUP_PROTOCOL' : undefined;
}
