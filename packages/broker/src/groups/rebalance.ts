// Moves a group from one generation to the next: the join phase, in which members come together and which ends when all are
// there or the rebalance timeout is over; and the sync phase, in which they wait for the leader to share out the work.
// Nothing here waits: what must be kept is handed to the store, and the group moves on when that is done.
import { noBytes, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import { storeErrorOf } from './group-answers.ts';
import type { GroupEnvironment } from './group-environment.ts';
import type { GroupMember } from './group-member.ts';
import type { Group } from './group.ts';

export class Rebalances {
  readonly #environment: GroupEnvironment;

  constructor(environment: GroupEnvironment) {
    this.#environment = environment;
  }

  /** Begins a rebalance, or goes on with the one that is under way. */
  prepareOrComplete(group: Group, reason: string): void {
    if (group.canRebalance) this.prepare(group, reason);
    else this.completeIfAllJoined(group);
  }

  /** Begins a rebalance: everybody has to join again. */
  prepare(group: Group, reason: string): void {
    const { clock, logger, settings } = this.#environment;
    // Whoever waits for an assignment of this generation will not get one.
    if (group.state === 'CompletingRebalance') this.#withdrawAssignment(group, 'REBALANCE_IN_PROGRESS');
    const isInitial = group.state === 'Empty';
    group.prepare(clock.nowMs());
    const { groupId, generationId } = group;
    logger.info({ groupId, generationId, reason }, 'a group begins to rebalance');
    if (isInitial) {
      // Members of a new group start together: waiting for them a little saves a rebalance for each. Members in this process
      // are not waited for: a rebalance costs them no round trip, and a server that starts has work to do.
      const delayMs = group.hasOnlyInProcessMembers ? 0 : settings.initialRebalanceDelayMs;
      this.#delayInitial(group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0));
    } else if (group.hasAllJoined) {
      this.complete(group);
    } else {
      this.#completeLater(group);
    }
  }

  /** Ends the join phase when everybody is there; the initial one goes on until its delay is over. */
  completeIfAllJoined(group: Group): void {
    if (group.state !== 'PreparingRebalance' || group.isInitial || !group.hasAllJoined) return;
    this.complete(group);
  }

  /** Ends the join phase: whoever has joined is in the next generation; who has not and is not static, is out. */
  complete(group: Group): void {
    const { clock, logger } = this.#environment;
    group.endJoins();
    for (const member of group.members.values()) {
      if (member.isAwaitingJoin || member.isStatic) continue;
      group.remove(member.memberId);
      logger.info(
        { groupId: group.groupId, memberId: member.memberId },
        'a member did not join in time and is removed',
      );
    }
    if (!group.electJoinedLeader() && group.members.size > 0) {
      // Static members only, and none of them here: their sessions decide.
      this.#completeLater(group);
      return;
    }
    group.beginGeneration(clock.nowMs());
    const { groupId, generationId } = group;
    if (group.state === 'Empty') {
      logger.info({ groupId, generationId }, 'a group is empty');
      this.#keep(group, new Map());
      return;
    }
    logger.info({ groupId, generationId, memberCount: group.members.size }, 'a generation of a group has begun');
    for (const member of group.members.values()) {
      member.answerJoin(joinedResponse(group, member));
      this.expectHeartbeat(group, member);
      group.oweSync(member);
    }
    group.awaitSyncs(clock.after(group.rebalanceTimeoutMs, () => this.#expireSyncs(group)));
  }

  /** The leader has shared out the work: the group is stable as soon as that is kept. */
  assign(group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
    const { generationId } = group;
    const complete = new Map<string, Uint8Array>();
    for (const memberId of group.members.keys()) complete.set(memberId, assignments.get(memberId) ?? noBytes);
    // Meanwhile somebody may have come or gone: then the assignment is of a generation that is over.
    const isCurrent = (): boolean => group.state === 'CompletingRebalance' && group.generationId === generationId;
    this.#environment.store.keepGroup(group, complete).then(
      () => {
        if (!isCurrent()) return;
        group.assign(complete, this.#environment.clock.nowMs());
        this.#answerSyncs(group, 'NONE');
      },
      (error: unknown) => {
        const { groupId } = group;
        this.#environment.logger.error({ groupId, generationId, error }, 'the assignment of a group could not be kept');
        if (!isCurrent()) return;
        this.#withdrawAssignment(group, storeErrorOf(error));
        this.prepareOrComplete(group, 'the assignment could not be kept');
      },
    );
  }

  /** Takes somebody out who was in the group, and lets the others go on without. */
  removeMember(group: Group, member: GroupMember, reason: string): void {
    group.remove(member.memberId);
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.prepareOrComplete(group, reason);
    else if (group.state === 'PreparingRebalance' && group.hasAllJoined) this.complete(group);
  }

  /** Somebody was heard of: the session begins anew. */
  expectHeartbeat(group: Group, member: GroupMember, timeoutMs: number = member.terms.sessionTimeoutMs): void {
    const timer = this.#environment.clock.after(timeoutMs, () => {
      if (member.hasSatisfiedHeartbeat) return;
      const { groupId } = group;
      const { memberId } = member;
      this.#environment.logger.info(
        { groupId, memberId, timeoutMs },
        'nothing was heard of a member and it is removed',
      );
      this.removeMember(group, member, `no heartbeat of ${memberId}`);
    });
    member.beginSession(timer);
  }

  /** Somebody was given an id and has to come back with it within the session. */
  expectPending(group: Group, memberId: string, sessionTimeoutMs: number): void {
    const timer = this.#environment.clock.after(sessionTimeoutMs, () => {
      group.remove(memberId);
      if (group.state === 'PreparingRebalance' && group.hasAllJoined) this.complete(group);
    });
    group.expectJoin(memberId, timer);
  }

  /** Each time that somebody new comes, the delay begins again, until the rebalance timeout is used up. */
  #delayInitial(group: Group, delayMs: number, remainingMs: number): void {
    const timer = this.#environment.clock.after(delayMs, () => {
      if (remainingMs === 0 || !group.takeHasNewMember()) return this.complete(group);
      const nextMs = Math.min(this.#environment.settings.initialRebalanceDelayMs, remainingMs);
      this.#delayInitial(group, nextMs, Math.max(remainingMs - delayMs, 0));
    });
    group.awaitJoins(timer);
  }

  #completeLater(group: Group): void {
    group.awaitJoins(this.#environment.clock.after(group.rebalanceTimeoutMs, () => this.complete(group)));
  }

  /** The rebalance timeout is over: who has joined and not synced is out. */
  #expireSyncs(group: Group): void {
    const memberIds = group.owing;
    if (memberIds.length === 0) return;
    for (const memberId of memberIds) group.remove(memberId);
    this.prepare(group, `no SyncGroup of ${memberIds.join(', ')}`);
  }

  #withdrawAssignment(group: Group, error: KafkaErrorName): void {
    group.withdrawAssignments();
    this.#answerSyncs(group, error);
  }

  #answerSyncs(group: Group, error: KafkaErrorName): void {
    const isKept = error === 'NONE';
    for (const member of group.members.values()) {
      const isAnswered = member.answerSync({
        errorCode: error,
        protocolType: isKept ? group.protocolType : null,
        protocolName: isKept ? group.protocolName : null,
        assignment: member.assignment,
      });
      // While it waited its session may have run out unnoticed.
      if (isAnswered) this.expectHeartbeat(group, member);
    }
  }

  #keep(group: Group, assignments: ReadonlyMap<string, Uint8Array>): void {
    const { logger, store } = this.#environment;
    store.keepGroup(group, assignments).catch((error: unknown) => {
      // After a restart the generation before is there again: nobody of it is, so it ends by its sessions.
      logger.warn({ groupId: group.groupId, error }, 'that a group is empty could not be kept');
    });
  }
}

/** What a member is told of the present generation: the leader also learns who is in it. */
export function joinedResponse(group: Group, member: GroupMember): JoinGroupResponse {
  return {
    errorCode: 'NONE',
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    memberId: member.memberId,
    members: group.isLeader(member.memberId) ? group.joinedMembers() : [],
  };
}
