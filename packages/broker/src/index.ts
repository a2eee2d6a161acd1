// Public surface of the broker floor.
export { openBroker } from './topics/open-broker.ts';
export { type Broker, type BrokerOptions, type TopicMetadata } from './topics/broker.ts';
export {
  type AppendCondition,
  type PartitionLog,
  type ReadBatches,
  type TimedOffset,
} from './storage/partition-face.ts';
export { type AppendedBatch } from './ground/appended-batch.ts';
export { type Durability, type TimestampType, type TopicConfig } from './ground/topic-config.ts';
export { type BrokerLimits } from './defaults.ts';
export { checkProducerRecords } from './storage/record-bounds.ts';
export { type ProtectedTopics } from './topics/protected-topics.ts';

// The Kafka protocol over a broker.
export { createBroker, type CreateBrokerOptions, type RunningBroker } from './create-broker.ts';
export { openInProcessGroups, type InProcessGroups } from './in-process-groups.ts';
export { serveKafka, type ServedKafka, type ServeKafkaOptions } from './serve-kafka.ts';
export { KafkaFaults, type ActiveFault, type FaultRule } from './network/kafka-faults.ts';
export { type MaxVersions } from './network/supported-apis.ts';
export { type KafkaMetrics } from './network/kafka-metrics.ts';
export { type RejectionReason } from './network/rejections.ts';
export { type KafkaLimits } from './defaults.ts';
export {
  type ConnectionListeners,
  type Transport,
  type TransportConnection,
  type TransportListener,
} from './network/transport.ts';

// The disk, for whoever hands in another one.
export { type Disk, type DiskFile, type DiskLock, type OpenMode } from './disk/disk.ts';
export { systemDisk } from './disk/system-disk.ts';
export { memoryDisk } from './disk/memory-disk.ts';

// Settings by Kafka's names, and where their values come from.
export { allNodes, BrokerConfigs, type ConfigChanges, type GivenConfigs } from './metadata/broker-configs.ts';
export {
  describeBrokerConfigs,
  describeTopicConfigs,
  type ConfigSource,
  type ConfigSynonym,
  type DescribedConfig,
} from './metadata/describe-configs.ts';
