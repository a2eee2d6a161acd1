// What a member asks of the coordinator of its group (JoinGroup, SyncGroup, Heartbeat, OffsetCommit, LeaveGroup), and who it is
// there: its id and its generation. What the answers mean for its work is decided in membership.ts.
import { ThroughlineError, type Clock } from '@throughline/event';
import type { Api, KafkaErrorName, Read } from '@throughline/wire';
import {
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  offsetCommitApi,
  syncGroupApi,
  type JoinGroupResponse,
  type SyncGroupRequestAssignment,
} from '@throughline/wire/apis';
import { sessionTimeoutMsDefault } from '../defaults.ts';
import { failureOf } from '../port/failures.ts';
import type { GroupOffset, JoinRequest, TopicPartition } from '../port/port.ts';
import { committedTopics } from './committed-topics.ts';
import {
  assignorName,
  consumerProtocolType,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from './consumer-protocol.ts';
import type { GroupChannel } from './group-channel.ts';
import { shareOut } from './share-out.ts';

/** From version 10 on topics are told by id; names are enough here, and every broker has them. */
const commitApi = { ...offsetCommitApi, versionMax: 9 };
const noGeneration = -1;

/** The error that a request was answered with. */
export class Answered extends Error {
  readonly errorCode: KafkaErrorName;

  constructor(errorCode: KafkaErrorName) {
    super(errorCode);
    this.errorCode = errorCode;
  }
}

export class MemberRequests {
  readonly sessionTimeoutMs: number;
  readonly #request: JoinRequest;
  readonly #channel: Promise<GroupChannel>;
  readonly #clock: Clock;
  /** Ends what is under way, but for the goodbye. */
  readonly #stop: AbortSignal;
  #memberId = '';
  #generation = noGeneration;
  /** What it has shared out as the leader; undefined while somebody else leads. */
  #shared: { readonly counts: ReadonlyMap<string, number>; atMs: number } | undefined;

  constructor(request: JoinRequest, channel: Promise<GroupChannel>, clock: Clock, stop: AbortSignal) {
    this.sessionTimeoutMs = request.sessionTimeoutMs ?? sessionTimeoutMsDefault;
    this.#request = request;
    this.#channel = channel;
    this.#clock = clock;
    this.#stop = stop;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Whether it is in a generation, as far as it knows. */
  get isMember(): boolean {
    return this.#generation !== noGeneration;
  }

  /** It is out of its generation; where the group has forgotten it, it needs another id as well. */
  forget(isIdForgotten: boolean): void {
    this.#generation = noGeneration;
    if (isIdForgotten) this.#memberId = '';
  }

  /**
   * Joins the next generation with what it holds. The leader shares out the partitions on the way.
   *
   * @returns what it is given; undefined when it was given an id first, and has to ask again
   * @throws Answered; ThroughlineError LOG_UNREACHABLE
   */
  async join(owned: readonly TopicPartition[]): Promise<readonly TopicPartition[] | undefined> {
    const { topics } = this.#request;
    const metadata = encodeSubscription({ topics, owned, generation: this.#generation });
    const joined = await this.#ask(joinGroupApi, {
      groupId: this.#request.group,
      sessionTimeoutMs: this.sessionTimeoutMs,
      // Whoever is there joins again with its next heartbeat.
      rebalanceTimeoutMs: this.sessionTimeoutMs,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      protocolType: consumerProtocolType,
      protocols: [{ name: assignorName, metadata }],
    });
    if (joined.errorCode === 'MEMBER_ID_REQUIRED') {
      this.#memberId = joined.memberId;
      return undefined;
    }
    check(joined.errorCode);
    this.#memberId = joined.memberId;
    const isLeader = joined.leader === joined.memberId;
    if (!isLeader) this.#shared = undefined;
    const synced = await this.#ask(syncGroupApi, {
      groupId: this.#request.group,
      generationId: joined.generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      protocolType: consumerProtocolType,
      protocolName: assignorName,
      assignments: isLeader ? await this.#share(joined) : [],
    });
    check(synced.errorCode);
    this.#generation = joined.generationId;
    return decodeAssignment(synced.assignment);
  }

  /** Says that it is there. @returns whether the group waits for it to join anew */
  async beat(): Promise<boolean> {
    const { errorCode } = await this.#ask(heartbeatApi, {
      groupId: this.#request.group,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
    });
    if (errorCode === 'REBALANCE_IN_PROGRESS') return true;
    check(errorCode);
    return false;
  }

  /** Whether topics have other partitions than those that this member, as the leader, has shared out. */
  async hasGrown(everyMs: number): Promise<boolean> {
    const shared = this.#shared;
    const nowMs = this.#clock.monotonicMs();
    if (shared === undefined || nowMs - shared.atMs < everyMs) return false;
    shared.atMs = nowMs;
    const counts = await (await this.#channel).partitionCounts(this.#request.topics);
    return this.#request.topics.some((topic) => counts.get(topic) !== shared.counts.get(topic));
  }

  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    const { topics } = await this.#ask(commitApi, {
      groupId: this.#request.group,
      generationIdOrMemberEpoch: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      topics: committedTopics(offsets),
    });
    for (const { errorCode } of topics.flatMap(({ partitions }) => partitions)) check(errorCode);
  }

  /** Says goodbye, when there is somebody to say it for. @throws ThroughlineError LOG_UNREACHABLE */
  async leave(): Promise<void> {
    if (this.#memberId === '') return;
    const channel = await this.#channel;
    const ending = new AbortController();
    const timer = this.#clock.after(this.sessionTimeoutMs, () => ending.abort());
    const { group: groupId } = this.#request;
    const members = [{ memberId: this.#memberId, groupInstanceId: this.#instanceId }];
    try {
      await channel.request(leaveGroupApi, { groupId, memberId: this.#memberId, members }, ending.signal);
    } finally {
      timer.cancel();
    }
  }

  get #instanceId(): string | null {
    return this.#request.instanceId ?? null;
  }

  /** The leader's part: who gets what. */
  async #share({ members }: Read<JoinGroupResponse>): Promise<readonly SyncGroupRequestAssignment[]> {
    const sharing = members.map(({ memberId, metadata }) => ({ memberId, ...decodeSubscription(metadata) }));
    const topics = [...new Set(sharing.flatMap((member) => member.topics))];
    const counts = await (await this.#channel).partitionCounts(topics);
    this.#shared = { counts, atMs: this.#clock.monotonicMs() };
    return Array.from(shareOut(sharing, counts), ([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment(partitions),
    }));
  }

  async #ask<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Read<Response>> {
    return (await this.#channel).request(api, request, this.#stop);
  }
}

/** What a failure of a request means for whoever uses the member. */
export function failureFrom(error: unknown, what: string): ThroughlineError {
  if (!(error instanceof Answered)) return ThroughlineError.from(error);
  if (error.errorCode !== 'FENCED_INSTANCE_ID') return failureOf(error.errorCode, what);
  return new ThroughlineError('GROUP_MEMBER_FENCED', `another member of ${what} has the same instance id`);
}

function check(errorCode: KafkaErrorName): void {
  if (errorCode !== 'NONE') throw new Answered(errorCode);
}
