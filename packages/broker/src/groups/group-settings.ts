// What a broker can be told about groups, with Kafka's names beside. The values where nothing is said: defaults.ts.

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
  /** `offsets.topic.num.partitions`: of `__consumer_offsets` when it is made. */
  readonly offsetsPartitionCount: number;
}
