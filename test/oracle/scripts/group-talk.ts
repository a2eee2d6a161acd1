// Members of a group of the classic protocol, spoken for request by request.
import { utf8 } from '@throughline/event';
import { Writer, type Read } from '@throughline/wire';
import {
  describeGroupsApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  syncGroupApi,
  type JoinGroupRequest,
  type JoinGroupResponse,
} from '@throughline/wire/apis';
import type { Side } from '../side.ts';

/** What a consumer says of itself (ConsumerProtocolSubscription, version 0): Kafka reads it, and stalls the group if it cannot. */
export function subscription(topic: string, userData: string): Uint8Array {
  const to = new Writer();
  to.int16(0);
  to.int32(1);
  to.string(topic);
  to.bytes(utf8(userData));
  return to.finish();
}

export type Joined = Read<JoinGroupResponse> | undefined;

/** Members of one group, spoken for in one version of JoinGroup and the versions of the others that came with it. */
export class GroupTalk {
  readonly side: Side;
  readonly groupId: string;
  readonly version: number;

  constructor(side: Side, groupId: string, version: number) {
    this.side = side;
    this.groupId = groupId;
    this.version = version;
  }

  /** Joins as a client of this name; from version 4 on a new member is first given its id (KIP-394). */
  async join(what: string, as: string, memberId = '', rest: Partial<JoinGroupRequest> = {}): Promise<Joined> {
    const answer = await this.#join(what, as, memberId, rest);
    return answer?.errorCode === 'MEMBER_ID_REQUIRED'
      ? this.#join(`${what}, with its id`, as, answer.memberId, rest)
      : answer;
  }

  #join(what: string, as: string, memberId: string, rest: Partial<JoinGroupRequest>): Promise<Joined> {
    const body: JoinGroupRequest = {
      groupId: this.groupId,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 10_000,
      memberId,
      protocolType: 'consumer',
      protocols: ['range', 'roundrobin'].map((name) => ({
        name,
        metadata: subscription('grouped', `${name} of ${as}`),
      })),
      reason: 'the oracle asked',
      ...rest,
    };
    return this.side.call(what, joinGroupApi, this.version, body, as);
  }

  sync(
    what: string,
    as: string,
    joined: Joined,
    assigned: readonly string[] = [],
    rest: Record<string, unknown> = {},
  ): Promise<unknown> {
    const body = {
      groupId: this.groupId,
      generationId: joined?.generationId ?? -1,
      memberId: joined?.memberId ?? '',
      protocolType: 'consumer',
      protocolName: joined?.protocolName ?? null,
      assignments: assigned.map((memberId, index) => ({ memberId, assignment: utf8(`part ${index}`) })),
      ...rest,
    };
    return this.side.call(what, syncGroupApi, Math.min(this.version, 5), body, as);
  }

  heartbeat(what: string, as: string, joined: Joined, rest: Record<string, unknown> = {}): Promise<unknown> {
    const body = {
      groupId: this.groupId,
      generationId: joined?.generationId ?? -1,
      memberId: joined?.memberId ?? '',
      ...rest,
    };
    return this.side.call(what, heartbeatApi, Math.min(this.version, 4), body, as);
  }

  /** Whether a member is in a group that does not rebalance; asked beside the script. */
  async beats(joined: Joined): Promise<boolean> {
    const body = { groupId: this.groupId, generationId: joined?.generationId ?? -1, memberId: joined?.memberId ?? '' };
    return (await this.side.ask(heartbeatApi, 4, body)).errorCode === 'NONE';
  }

  leave(what: string, as: string, memberId: string, groupInstanceId: string | null = null): Promise<unknown> {
    const members = [{ memberId, groupInstanceId, reason: 'done' }];
    return this.side.call(
      what,
      leaveGroupApi,
      Math.min(this.version, 5),
      { groupId: this.groupId, memberId, members },
      as,
    );
  }

  async look(what: string): Promise<void> {
    await this.side.call(what, describeGroupsApi, Math.min(this.version, 6), {
      groups: [this.groupId],
      includeAuthorizedOperations: this.version % 2 === 0,
    });
    const version = Math.min(this.version, 5);
    const list = await this.side.ask(listGroupsApi, version, {});
    const groups = list.groups.filter(({ groupId }) => groupId === this.groupId);
    this.side.note(what, listGroupsApi, version, { ...list, groups });
  }
}
