// Public surface of the broker floor.
export { openBroker } from './open-broker.ts';
export {
  type AppendedBatch,
  type Broker,
  type BrokerOptions,
  type PartitionLog,
  type ReadBatches,
  type TimedOffset,
  type TopicMetadata,
} from './broker.ts';
export { type Durability, type TimestampType, type TopicConfig } from './topic-config.ts';
export { type BrokerLimits } from './defaults.ts';

// The disk, for whoever hands in another one.
export { type Disk, type DiskFile, type DiskLock, type OpenMode } from './storage/disk.ts';
export { systemDisk } from './storage/system-disk.ts';
