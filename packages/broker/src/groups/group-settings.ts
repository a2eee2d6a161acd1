// What a broker can be told about groups, with Kafka's names beside.
import { newMemberJoinTimeoutMs } from '../defaults.ts';
import type { BrokerConfigs } from '../metadata/broker-configs.ts';

export interface GroupSettings {
  /** `group.initial.rebalance.delay.ms`: how long an empty group waits for more members before its first generation. */
  readonly initialRebalanceDelayMs: number;
  /** `group.min.session.timeout.ms` */
  readonly sessionTimeoutMinMs: number;
  /** `group.max.session.timeout.ms` */
  readonly sessionTimeoutMaxMs: number;
  /** `group.max.size`: members of one group. */
  readonly memberCountMax: number;
  /** How long a JoinGroup of a new member may wait: its client may be gone, which nothing else would show. */
  readonly newMemberJoinTimeoutMs: number;
  /** `offset.metadata.max.bytes`: characters of what a consumer keeps beside an offset. */
  readonly offsetMetadataLengthMax: number;
  /** `offsets.retention.minutes`, in milliseconds. */
  readonly offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  readonly offsetsCheckIntervalMs: number;
}

/** What a broker is told, by Kafka's names. */
export function groupSettingsFrom(configs: BrokerConfigs): GroupSettings {
  return {
    initialRebalanceDelayMs: configs.integer('group.initial.rebalance.delay.ms'),
    sessionTimeoutMinMs: configs.integer('group.min.session.timeout.ms'),
    sessionTimeoutMaxMs: configs.integer('group.max.session.timeout.ms'),
    memberCountMax: configs.integer('group.max.size'),
    newMemberJoinTimeoutMs,
    offsetMetadataLengthMax: configs.integer('offset.metadata.max.bytes'),
    offsetsRetentionMs: configs.integer('offsets.retention.minutes') * 60_000,
    offsetsCheckIntervalMs: configs.integer('offsets.retention.check.interval.ms'),
  };
}
