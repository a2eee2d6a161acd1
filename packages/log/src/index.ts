// Public surface of the log floor.
export type {
  AppendAck,
  AppendBatchesRequest,
  AppendCondition,
  AssignmentChange,
  Damage,
  Durability,
  EpochEnd,
  GroupMembership,
  GroupOffset,
  JoinRequest,
  Log,
  LogAdmin,
  PartitionDescription,
  RawBatches,
  ReadRequest,
  ReadResult,
  SealedAt,
  TailRequest,
  TailStart,
  TailStep,
  TopicConfig,
  TopicDescription,
  TopicPartition,
} from './port/port.ts';
export { embedded, openEmbeddedLog, type EmbeddedLogOptions } from './embedded/embedded.ts';
export { parseBootstrap } from './kafka/bootstrap.ts';
export { kafka, kafkaCluster, type KafkaLogOptions } from './kafka/kafka.ts';
export { type DescribedGroup, type DescribedMember, type ListedGroup } from './kafka/group-admin.ts';
export { type KafkaCluster } from './kafka/kafka-cluster.ts';
export { type ConfigEntry } from './kafka/topic-operations.ts';
export { checkHistory, unknownEpoch, type ReadPosition } from './port/history.ts';
export { damagedRecords, damageFields, damageOf, readOn } from './port/read-on.ts';
export { type EmbeddedLogLimits, type KafkaLogLimits } from './defaults.ts';
export {
  partitionCountOfStreams,
  topicGrown,
  withFixedPartitions,
  type FixedPartitions,
  type FixedPartitionsLog,
} from './fixed-partitions.ts';
export { overLog, type LogView } from './over-log.ts';
export { murmur2, partitionFor } from './port/partitioner.ts';
export { checkPartitionCount, checkTopicConfig, checkTopicName } from './port/topic-settings.ts';
