// Public surface of the wire floor.
export { crc32c } from './crc32c.ts';
export {
  batchAttributesAt,
  batchHeaderBytes,
  batchHeaderProblem,
  batchPrefixBytes,
  readBatchHeader,
  setBaseOffset,
  setPartitionLeaderEpoch,
  verifyBatchCrc,
  writeBatchCrc,
  type RecordBatchHeader,
} from './record-batch-header.ts';
