// The group coordinator: answers for every group of this broker. Of the virtual cluster a group's coordinator is the node that
// leads the group's partition of `__consumer_offsets`.
import type { Clock, Logger, Random, Timer } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type {
  JoinGroupResponse,
  LeaveGroupRequest,
  LeaveGroupResponse,
  SyncGroupResponse,
} from '@throughline/wire/apis';
import type { Broker } from '../topics/broker.ts';
import type { VirtualCluster, VirtualNode } from '../topics/virtual-cluster.ts';
import { rejectedJoin, rejectedSync, storeErrorOf } from './group-answers.ts';
import type { GroupEnvironment } from './group-environment.ts';
import { GroupOffsets } from './group-offsets.ts';
import { groupSettingsFrom, type GroupSettings } from './group-settings.ts';
import { GroupShards } from './group-shards.ts';
import { Group } from './group.ts';
import { Joins, type JoinRequest } from './joins.ts';
import { Members, type MemberRequest, type SyncRequest } from './members.ts';
import { Rebalances } from './rebalance.ts';

export interface GroupCoordinatorOptions {
  readonly broker: Broker;
  readonly cluster: VirtualCluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class GroupCoordinator {
  readonly offsets: GroupOffsets;
  readonly settings: GroupSettings;
  readonly #options: GroupCoordinatorOptions;
  readonly #shards: GroupShards;
  readonly #rebalances: Rebalances;
  readonly #joins: Joins;
  readonly #members: Members;
  #expiry: Timer | undefined;
  #isClosed = false;

  private constructor(options: GroupCoordinatorOptions, shards: GroupShards) {
    const { broker, clock, logger, random } = options;
    this.#options = options;
    this.#shards = shards;
    this.settings = groupSettingsFrom(broker.configs);
    const { settings } = this;
    const environment: GroupEnvironment = { clock, random, logger, settings, store: shards };
    this.#rebalances = new Rebalances(environment);
    this.#joins = new Joins(environment, this.#rebalances);
    this.#members = new Members(environment, this.#rebalances);
    this.offsets = new GroupOffsets({ broker, clock, settings, shards, members: this.#members });
  }

  /** Reads the groups that there are, and begins to wait for their members. */
  static async open(options: GroupCoordinatorOptions): Promise<GroupCoordinator> {
    const { broker, clock, logger } = options;
    const shards = await GroupShards.open({ broker, clock, logger });
    const coordinator = new GroupCoordinator(options, shards);
    coordinator.#begin();
    return coordinator;
  }

  /** The node that coordinates a group; undefined before it listens. @throws ThroughlineError when the topic cannot be made */
  async nodeOf(groupId: string): Promise<VirtualNode | undefined> {
    return this.#options.cluster.node(await this.nodeIdOf(groupId));
  }

  /** The id of the node that coordinates a group; -1 while nothing listens. @throws ThroughlineError when the topic cannot be made */
  async nodeIdOf(groupId: string): Promise<number> {
    const topic = await this.#shards.needTopic();
    return this.#options.cluster.leaderOf(topic, this.#shards.partitionOf(groupId, topic));
  }

  /** What keeps a node from answering for a group, if anything. */
  problemOf(groupId: string, nodeId: number): KafkaErrorName | undefined {
    if (this.#isClosed) return 'COORDINATOR_NOT_AVAILABLE';
    return this.#isCoordinatedBy(groupId, nodeId) ? undefined : 'NOT_COORDINATOR';
  }

  /** The groups that a node coordinates. */
  *groups(nodeId: number): Generator<Group> {
    for (const group of this.#shards.groups.values()) {
      if (this.#isCoordinatedBy(group.groupId, nodeId)) yield group;
    }
  }

  group(groupId: string): Group | undefined {
    return this.#shards.groups.get(groupId);
  }

  join(groupId: string, request: JoinRequest): Promise<JoinGroupResponse> {
    const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.settings;
    const { memberId, sessionTimeoutMs } = request;
    return new Promise((reply) => {
      if (groupId === '') return reply(rejectedJoin('INVALID_GROUP_ID', memberId));
      if (sessionTimeoutMs < sessionTimeoutMinMs || sessionTimeoutMs > sessionTimeoutMaxMs) {
        return reply(rejectedJoin('INVALID_SESSION_TIMEOUT', memberId));
      }
      // Who has an id had it from a group.
      const group = memberId === '' ? this.#shards.needGroup(groupId) : this.group(groupId);
      if (group === undefined) return reply(rejectedJoin('UNKNOWN_MEMBER_ID', memberId));
      this.#joins.join(group, request, reply);
    });
  }

  sync(groupId: string, request: SyncRequest): Promise<SyncGroupResponse> {
    return new Promise((reply) => {
      if (groupId === '') return reply(rejectedSync('INVALID_GROUP_ID'));
      const group = this.group(groupId);
      if (group === undefined) return reply(rejectedSync('UNKNOWN_MEMBER_ID'));
      this.#members.sync(group, request, reply);
    });
  }

  heartbeat(groupId: string, request: MemberRequest): KafkaErrorName {
    if (groupId === '') return 'INVALID_GROUP_ID';
    const group = this.group(groupId);
    return group === undefined ? 'UNKNOWN_MEMBER_ID' : this.#members.heartbeat(group, request);
  }

  /** Undefined when there is no such group. */
  leave(groupId: string, leaving: NonNullable<LeaveGroupRequest['members']>): LeaveGroupResponse | undefined {
    const group = this.group(groupId);
    return group === undefined ? undefined : this.#members.leave(group, leaving);
  }

  /** Deletes a group without members, with its offsets. @returns when that is durable */
  async delete(groupId: string): Promise<KafkaErrorName> {
    const group = this.group(groupId);
    if (group === undefined || group.state === 'Dead') return 'GROUP_ID_NOT_FOUND';
    if (group.state !== 'Empty') return 'NON_EMPTY_GROUP';
    const { generationId, protocolType, stateSinceMs } = group;
    // From now on the id is free: whoever joins makes another group.
    group.end('COORDINATOR_NOT_AVAILABLE', this.#options.clock.nowMs());
    this.#shards.groups.delete(groupId);
    try {
      await this.#shards.writeOffsets(groupId, () => this.offsets.tombstonesOf(groupId));
      return 'NONE';
    } catch (error) {
      this.#options.logger.warn({ groupId, error }, 'a group could not be deleted');
      const origin = { generationId, protocolType, protocolName: null, leaderId: null, stateSinceMs, members: [] };
      if (this.group(groupId) === undefined) this.#shards.groups.set(groupId, Group.restored(groupId, origin));
      return storeErrorOf(error);
    }
  }

  /** Deletes expired offsets, and groups that have neither members nor offsets; a timer calls it too. */
  async expire(): Promise<void> {
    for (const group of Array.from(this.#shards.groups.values())) {
      const hasOffsets = !(await this.offsets.expire(group));
      const isUnused = group.isUnused && this.group(group.groupId) === group;
      if (!hasOffsets && isUnused) await this.delete(group.groupId);
    }
  }

  /** Answers whoever waits; what was acknowledged is in the log. */
  close(): void {
    this.#isClosed = true;
    this.#expiry?.cancel();
    const nowMs = this.#options.clock.nowMs();
    for (const group of this.#shards.groups.values()) group.end('NOT_COORDINATOR', nowMs);
    this.#shards.groups.clear();
  }

  #begin(): void {
    for (const group of this.#shards.groups.values()) {
      for (const member of group.members.values()) {
        // One that ran in a process before this one is gone: nobody need wait for its session to end.
        if (member.isInProcess) this.#rebalances.removeMember(group, member, 'its process has ended');
        else this.#rebalances.expectHeartbeat(group, member);
      }
      if (group.members.size > this.settings.memberCountMax) {
        this.#rebalances.prepareOrComplete(group, `it has more than ${this.settings.memberCountMax} members`);
      }
    }
    this.#expireLater();
  }

  #expireLater(): void {
    const { clock, logger } = this.#options;
    this.#expiry = clock.after(this.settings.offsetsCheckIntervalMs, () => {
      this.expire()
        .catch((error: unknown) => logger.warn({ error }, 'expired offsets could not be deleted'))
        .finally(() => {
          if (!this.#isClosed) this.#expireLater();
        });
    });
  }

  #isCoordinatedBy(groupId: string, nodeId: number): boolean {
    const { topic } = this.#shards;
    return (
      topic !== undefined && this.#options.cluster.leaderOf(topic, this.#shards.partitionOf(groupId, topic)) === nodeId
    );
  }
}
