// A member of a consumer group in the classic protocol: JoinGroup and SyncGroup, with the leader sharing the partitions out,
// Heartbeat, OffsetCommit and OffsetFetch.
import { Reader, Writer, type KafkaErrorName } from '@throughline/wire';
import {
  heartbeatApi,
  joinGroupApi,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
  type JoinGroupResponseMember,
} from '@throughline/wire/apis';
import type { Membership } from '../checker/history.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { checkError, KafkaError } from './kafka-connection.ts';
import { KafkaConsumer, type KafkaConsumerOptions } from './kafka-consumer.ts';
import { Rejection, type MemberPort } from './ports.ts';

export interface KafkaMemberOptions extends KafkaConsumerOptions {
  readonly group: string;
  readonly partitionCount: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** The member must join again, and what it asked for did not happen. */
const rejoinErrors: readonly KafkaErrorName[] = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'];

export class KafkaMember extends KafkaConsumer implements MemberPort {
  readonly #member: KafkaMemberOptions;
  #memberId = '';
  #generation = -1;

  constructor(cluster: KafkaCluster, options: KafkaMemberOptions) {
    super(cluster, options);
    this.#member = options;
  }

  async join(): Promise<Membership> {
    const { group: groupId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#member;
    const connection = await this.cluster.coordinator(groupId);
    for (;;) {
      const joined = await connection.call(
        joinGroupApi,
        7,
        {
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId: this.#memberId,
          groupInstanceId: null,
          protocolType: 'consumer',
          protocols: [{ name: 'workload', metadata: subscription(this.cluster.options.topic) }],
        },
        rebalanceTimeoutMs + sessionTimeoutMs,
      );
      if (joined.errorCode === 'MEMBER_ID_REQUIRED') {
        this.#memberId = joined.memberId;
        continue;
      }
      if (joined.errorCode === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
      checkError(joined.errorCode, 'JoinGroup');
      this.#memberId = joined.memberId;
      this.#generation = joined.generationId;
      const isLeader = joined.leader === joined.memberId;
      const synced = await connection.call(
        syncGroupApi,
        5,
        {
          groupId,
          generationId: this.#generation,
          memberId: this.#memberId,
          groupInstanceId: null,
          protocolType: 'consumer',
          protocolName: 'workload',
          assignments: isLeader ? this.#share(joined.members) : [],
        },
        rebalanceTimeoutMs + sessionTimeoutMs,
      );
      if (synced.errorCode === 'REBALANCE_IN_PROGRESS') continue;
      checkError(synced.errorCode, 'SyncGroup');
      const partitions = partitionsIn(synced.assignment);
      return { group: groupId, member: this.#memberId, generation: this.#generation, partitions };
    }
  }

  async heartbeat(): Promise<boolean> {
    const { group: groupId } = this.#member;
    const connection = await this.cluster.coordinator(groupId);
    const request = { groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: null };
    const { errorCode } = await connection.call(heartbeatApi, 4, request);
    if (rejoinErrors.includes(errorCode)) {
      if (errorCode === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
      return false;
    }
    checkError(errorCode, 'Heartbeat');
    return true;
  }

  async commit(generation: number, offsets: ReadonlyMap<number, number>): Promise<void> {
    const { group: groupId } = this.#member;
    const connection = await this.cluster.coordinator(groupId).catch((error: unknown) => {
      throw new Rejection(`nothing was sent: ${String(error)}`);
    });
    const partitions = Array.from(offsets, ([partitionIndex, offset]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: null,
    }));
    const { topics } = await connection.call(offsetCommitApi, 8, {
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId: this.#memberId,
      groupInstanceId: null,
      topics: [{ name: this.cluster.options.topic, partitions }],
    });
    for (const { errorCode } of topics.flatMap((one) => one.partitions)) {
      if (rejoinErrors.includes(errorCode)) throw new Rejection(new KafkaError(errorCode, 'OffsetCommit').message);
      checkError(errorCode, 'OffsetCommit');
    }
  }

  async committed(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    if (partitions.length === 0) return new Map();
    const { group: groupId } = this.#member;
    const connection = await this.cluster.coordinator(groupId);
    const wanted = [{ name: this.cluster.options.topic, partitionIndexes: partitions }];
    const { errorCode, topics } = await connection.call(offsetFetchApi, 7, {
      groupId,
      topics: wanted,
      requireStable: true,
    });
    checkError(errorCode, 'OffsetFetch');
    const found = topics.flatMap((one) => one.partitions);
    for (const one of found) checkError(one.errorCode, 'OffsetFetch');
    return new Map(found.map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]));
  }

  /** Each partition to one member, in turn. */
  #share(members: readonly JoinGroupResponseMember[]): { memberId: string; assignment: Uint8Array }[] {
    const { partitionCount } = this.#member;
    const all = Array.from({ length: partitionCount }, (_, partition) => partition);
    return members.map(({ memberId }, index) => {
      const partitions = all.filter((partition) => partition % members.length === index);
      return { memberId, assignment: assignment(this.cluster.options.topic, partitions) };
    });
  }
}

// The consumer protocol (ConsumerProtocolSubscription and ConsumerProtocolAssignment of Kafka), version 0.

function subscription(topic: string): Uint8Array {
  const writer = new Writer(64);
  writer.int16(0);
  writer.int32(1);
  writeString(writer, topic);
  writer.int32(-1);
  return writer.finish().slice();
}

function assignment(topic: string, partitions: readonly number[]): Uint8Array {
  const writer = new Writer(64 + 4 * partitions.length);
  writer.int16(0);
  writer.int32(1);
  writeString(writer, topic);
  writer.int32(partitions.length);
  for (const partition of partitions) writer.int32(partition);
  writer.int32(-1);
  return writer.finish().slice();
}

function partitionsIn(bytes: Uint8Array): number[] {
  if (bytes.length === 0) return [];
  const reader = new Reader(bytes);
  reader.int16();
  const partitions: number[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.string();
    for (let count = reader.int32(); count > 0; count--) partitions.push(reader.int32());
  }
  return partitions;
}

function writeString(writer: Writer, text: string): void {
  const bytes = Buffer.from(text);
  writer.int16(bytes.length);
  writer.raw(bytes);
}
