// What the tests of groups share: a coordinator over a broker on a disk in memory, in virtual time. Imported by tests only.
import { assert, seededRandom, silentLogger, utf8, type Logger, type Random } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { MessageWriter, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse, SyncGroupResponse } from '@throughline/wire/apis';
import { consumerProtocolSubscriptionSchema } from '@throughline/wire/records';
import type { Broker } from '../topics/broker.ts';
import type { Disk } from '../disk/disk.ts';
import type { GivenConfigs } from '../metadata/broker-configs.ts';
import { VirtualCluster } from '../topics/virtual-cluster.ts';
import { openBroker } from '../topics/open-broker.ts';
import { GroupCoordinator } from './coordinator.ts';
import type { CommitRequest } from './group-offsets.ts';
import type { MemberProtocol } from './group-member.ts';
import type { JoinRequest } from './joins.ts';

export interface GroupWorld {
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: GivenConfigs;
}

export interface OpenGroups {
  readonly broker: Broker;
  readonly groups: GroupCoordinator;
}

export function groupWorld(options: Partial<GroupWorld> = {}): GroupWorld {
  return {
    clock: new VirtualClock(),
    disk: new LossyDisk(),
    random: seededRandom(1),
    logger: silentLogger,
    config: {},
    ...options,
  };
}

/** Runs a test in a world of its own, and sees to it that nothing goes on afterwards. */
export async function withGroups(
  options: Partial<GroupWorld>,
  run: (world: GroupWorld, open: OpenGroups) => Promise<OpenGroups | void>,
): Promise<void> {
  const world = groupWorld(options);
  const open = await openGroups(world);
  await closeGroups((await run(world, open)) ?? open);
  assert(world.clock.timerCount === 0, 'no timer is left behind');
}

/** Opens broker and coordinator of a world, with node 1; a topic `t` of 4 partitions is made when it is not there. */
export async function openGroups({ clock, config, disk, logger, random }: GroupWorld): Promise<OpenGroups> {
  const given = { 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 2, ...config };
  const limits = { journalFileBytes: 64 * 1024, journalFileCountMax: 3 };
  const broker = await openBroker({ dataDir: '/data', disk, clock, random, logger, config: given, ...limits });
  if (broker.findTopic('t') === undefined) await broker.createTopic('t', { partitions: 4 });
  const cluster = new VirtualCluster('test');
  cluster.setNodes([{ nodeId: 1, host: 'localhost', port: 1 }]);
  const groups = await GroupCoordinator.open({ broker, cluster, clock, random, logger });
  await groups.nodeOf('g');
  return { broker, groups };
}

export async function closeGroups({ broker, groups }: OpenGroups): Promise<void> {
  groups.close();
  await broker.close();
}

/** A consumer's protocol: who reads these topics. */
export function consumerProtocol(name = 'range', topics: readonly string[] = ['t']): MemberProtocol {
  const to = new MessageWriter({ version: 0, isFlexible: false });
  to.int16(0);
  consumerProtocolSubscriptionSchema.write(to, { topics });
  return { name, metadata: to.finish() };
}

export function joinRequest(request: Partial<JoinRequest> = {}): JoinRequest {
  return {
    memberId: '',
    groupInstanceId: null,
    clientId: 'c',
    clientHost: '/127.0.0.1',
    protocolType: 'consumer',
    protocols: [consumerProtocol()],
    rebalanceTimeoutMs: 20_000,
    sessionTimeoutMs: 10_000,
    reason: null,
    needsMemberId: false,
    canSkipAssignment: true,
    ...request,
  };
}

/** Joins members to group `g` together, syncs them with `<memberId>` as the assignment of each, and tells their ids. */
export async function stableGroup(
  { clock }: GroupWorld,
  { groups }: OpenGroups,
  requests: readonly Partial<JoinRequest>[],
): Promise<{ readonly memberIds: readonly string[]; readonly leader: string; readonly generationId: number }> {
  const joining = requests.map((request) => groups.join('g', joinRequest(request)));
  // Whoever comes begins the delay anew.
  await clock.advance(groups.settings.initialRebalanceDelayMs * requests.length);
  const joined = await Promise.all(joining);
  const { generationId, leader } = joined[0]!;
  const memberIds = joined.map(({ memberId }) => memberId);
  await Promise.all(memberIds.map((memberId) => syncMember(groups, memberId, generationId ?? -1, memberIds)));
  return { memberIds, leader, generationId: generationId ?? -1 };
}

/** Syncs a member of `g`, which assigns to each of `memberIds` its own id if it leads. */
export function syncMember(
  groups: GroupCoordinator,
  memberId: string,
  generationId: number,
  memberIds: readonly string[] = [],
  groupInstanceId: string | null = null,
): Promise<SyncGroupResponse> {
  const assignments = new Map(memberIds.map((id) => [id, utf8(id)]));
  const protocol = { protocolType: 'consumer', protocolName: null };
  return groups.sync('g', { memberId, groupInstanceId, generationId, ...protocol, assignments });
}

/** What of an answer a test compares. */
export function outcome({ errorCode, generationId, leader, memberId, members }: JoinGroupResponse): object {
  return { errorCode, generationId, isLeader: leader === memberId, memberCount: members.length };
}

/** Commits `offset` for partition 0 of `t` in group `g`: by nobody in particular unless `request` says who. */
export function commit(
  { broker, groups }: OpenGroups,
  offset: bigint,
  request: Partial<CommitRequest> = {},
): Promise<KafkaErrorName | readonly KafkaErrorName[]> {
  const { topicId } = broker.topic('t');
  return groups.offsets.commit({
    groupId: 'g',
    generationId: -1,
    memberId: '',
    groupInstanceId: null,
    retentionMs: undefined,
    knowsGroupIdNotFound: true,
    offsets: [{ topic: 't', topicId, partition: 0, offset, leaderEpoch: 3, metadata: 'm' }],
    ...request,
  });
}

/** What group `g` has committed for partition 0 of `t`. */
export function committedOf({ groups }: OpenGroups): bigint | undefined {
  return groups.offsets.committed('g', 't', 0)?.offset;
}
