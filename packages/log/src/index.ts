// Public surface of the log floor.
export type {
  AppendAck,
  Durability,
  Log,
  LogAdmin,
  PartitionDescription,
  ReadRequest,
  ReadResult,
  TailRequest,
  TailStart,
  TailStep,
  TopicConfig,
  TopicDescription,
} from './port.ts';
export { murmur2, partitionFor } from './partitioner.ts';
