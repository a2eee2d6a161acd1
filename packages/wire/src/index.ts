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
  isAppendTime,
  isControlBatch,
  verifyBatchCrc,
  writeBatchCrc,
  type RecordBatchHeader,
} from './record-batch-header.ts';
export { type Codec } from './compression.ts';
export {
  decodeRecordBatch,
  encodeRecordBatch,
  recordBytesBound,
  type DecodeOptions,
  type EncodeOptions,
} from './record-batch.ts';
export { Reader } from './reader.ts';
export { Writer } from './writer.ts';
