// The offsets of groups: who may commit them, who may delete them, and when they expire (KIP-211). They follow Kafka's rules
// (Apache Kafka 4.3.1, OffsetMetadataManager and ClassicGroup).
import type { Clock, ProducerRecord } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import type { GroupSettings } from './group-settings.ts';
import type { GroupShards } from './group-shards.ts';
import { groupRecord, offsetRecord, type CommittedOffset } from './group-records.ts';
import type { Group } from './group.ts';
import type { Members } from './members.ts';

export interface CommitRequest {
  readonly groupId: string;
  /** Below 0 for whoever is no member: a consumer that assigns itself, an administrator. */
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** How long to keep it, where the client still says so. */
  readonly retentionMs: number | undefined;
  /** Version 9 on: an unknown group is named as such. */
  readonly knowsGroupIdNotFound: boolean;
  readonly offsets: readonly OffsetToCommit[];
}

export interface OffsetToCommit extends Pick<CommittedOffset, 'offset' | 'leaderEpoch' | 'metadata'> {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface GroupOffsetsOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly settings: GroupSettings;
  readonly shards: GroupShards;
  readonly members: Members;
}

export class GroupOffsets {
  readonly #options: GroupOffsetsOptions;

  constructor(options: GroupOffsetsOptions) {
    this.#options = options;
  }

  /**
   * Commits offsets.
   *
   * @returns when they are durable: the error of the whole request, or one for each offset
   * @throws ThroughlineError what the log rejects with
   */
  async commit(request: CommitRequest): Promise<KafkaErrorName | readonly KafkaErrorName[]> {
    const { clock, members, settings, shards } = this.#options;
    const { groupId, memberId, retentionMs } = request;
    let group = shards.groups.get(groupId);
    if (group === undefined) {
      if (request.generationId >= 0) return request.knowsGroupIdNotFound ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION';
      group = shards.needGroup(groupId);
    }
    const problem = commitProblem(group, request);
    if (problem !== undefined) return problem;
    // Who commits is there.
    if (group.state === 'Stable' || group.state === 'PreparingRebalance') members.heardOf(group, memberId);
    const commitTimeMs = clock.nowMs();
    const expireTimeMs = retentionMs === undefined ? undefined : commitTimeMs + retentionMs;
    const records: ProducerRecord[] = [];
    const errors = request.offsets.map(
      ({ leaderEpoch, metadata, offset, partition, topic, topicId }): KafkaErrorName => {
        if (metadata.length > settings.offsetMetadataLengthMax) return 'OFFSET_METADATA_TOO_LARGE';
        const committed = { offset, leaderEpoch, metadata, commitTimeMs, expireTimeMs, topicId };
        records.push(offsetRecord(groupId, topic, partition, committed));
        return 'NONE';
      },
    );
    if (records.length > 0) await shards.writeOffsets(groupId, records);
    return errors;
  }

  /** What a group has committed for a partition of the topic that there is now. */
  committed(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    const committed = this.#options.shards.offsets.get(groupId, topic, partition);
    return committed !== undefined && this.#isOfTopic(topic, committed) ? committed : undefined;
  }

  /** All that a group has committed, by topics and partitions. */
  *allCommitted(groupId: string): Generator<TopicPartition & { readonly committed: CommittedOffset }> {
    for (const [topic, partitions] of this.#options.shards.offsets.of(groupId)) {
      for (const [partition, committed] of partitions) {
        if (this.#isOfTopic(topic, committed)) yield { topic, partition, committed };
      }
    }
  }

  /** Resolves when what was committed before can be read (KIP-447). */
  settled(groupId: string): Promise<void> {
    return this.#options.shards.write(groupId, []);
  }

  /**
   * Deletes offsets of topics that no member reads.
   *
   * @returns when that is durable: the error of the whole request, or one for each partition
   */
  async delete(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<KafkaErrorName | readonly KafkaErrorName[]> {
    const { shards } = this.#options;
    const group = shards.groups.get(groupId);
    if (group === undefined || group.state === 'Dead') return 'GROUP_ID_NOT_FOUND';
    if (group.state !== 'Empty' && !group.isConsumerGroup) return 'NON_EMPTY_GROUP';
    const errors = partitions.map(({ topic }): KafkaErrorName =>
      group.isSubscribedTo(topic) ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE',
    );
    const free = partitions.filter((_partition, index) => errors[index] === 'NONE');
    await shards.writeOffsets(groupId, () =>
      free
        .filter(({ topic, partition }) => shards.offsets.get(groupId, topic, partition) !== undefined)
        .map(({ topic, partition }) => offsetRecord(groupId, topic, partition, null)),
    );
    return errors;
  }

  /** Everything that has to be written for a group not to have been. */
  tombstonesOf(groupId: string): readonly ProducerRecord[] {
    const tombstones: ProducerRecord[] = [];
    for (const [topic, partitions] of this.#options.shards.offsets.of(groupId)) {
      for (const partition of partitions.keys()) tombstones.push(offsetRecord(groupId, topic, partition, null));
    }
    return [...tombstones, groupRecord(groupId, null)];
  }

  /** Deletes what has expired of a group. @returns whether it has no offsets any more */
  async expire(group: Group): Promise<boolean> {
    const { shards } = this.#options;
    const { groupId } = group;
    await shards.writeOffsets(groupId, () =>
      this.#expired(group).map(({ topic, partition }) => offsetRecord(groupId, topic, partition, null)),
    );
    return shards.offsets.of(groupId).size === 0;
  }

  #expired(group: Group): readonly TopicPartition[] {
    const { clock, settings, shards } = this.#options;
    const nowMs = clock.nowMs();
    const expired: TopicPartition[] = [];
    for (const [topic, partitions] of shards.offsets.of(group.groupId)) {
      for (const [partition, committed] of partitions) {
        const sinceMs = idleSinceMs(group, topic, committed);
        const isOver =
          sinceMs !== undefined &&
          (committed.expireTimeMs === undefined
            ? nowMs - sinceMs >= settings.offsetsRetentionMs
            : nowMs >= committed.expireTimeMs);
        if (isOver || !this.#isOfTopic(topic, committed)) expired.push({ topic, partition });
      }
    }
    return expired;
  }

  /** Offsets of a topic that was deleted are gone with it, even when another has taken its name. */
  #isOfTopic(topic: string, { topicId }: CommittedOffset): boolean {
    const present = this.#options.broker.findTopic(topic);
    return present !== undefined && (topicId === undefined || topicId === present.topicId);
  }
}

/** From when on an offset counts as not needed, in milliseconds since 1970; undefined while it is. */
function idleSinceMs(group: Group, topic: string, { commitTimeMs }: CommittedOffset): number | undefined {
  // Nobody else than whoever commits could need it.
  if (group.protocolType === null) return commitTimeMs;
  if (group.state === 'Empty') return group.stateSinceMs ?? commitTimeMs;
  const isUnread = group.state === 'Stable' && group.knowsSubscriptions && !group.isSubscribedTo(topic);
  return isUnread ? commitTimeMs : undefined;
}

function commitProblem(group: Group, request: CommitRequest): KafkaErrorName | undefined {
  const { generationId, groupInstanceId, memberId } = request;
  if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE';
  if (generationId < 0 && group.state === 'Empty') return undefined;
  // Nobody but its members may move the offsets of a group that has some.
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return 'UNKNOWN_MEMBER_ID';
  const problem = group.memberProblem(memberId, groupInstanceId);
  if (problem !== undefined) return problem;
  if (generationId !== group.generationId) return 'ILLEGAL_GENERATION';
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined;
}
