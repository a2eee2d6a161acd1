// Public surface of the wire floor.
export { crc32c } from './crc32c.ts';
export {
  attributeBits,
  batchBytesToMagic,
  batchFieldsAt,
  batchHeaderBytes,
  batchPrefixBytes,
  isAppendTime,
  isControlBatch,
  isTransactionalBatch,
} from './record-batch-layout.ts';
export {
  batchHeaderProblem,
  crcOfUncheckedHead,
  hasBaseOffset,
  lastOffsetOf,
  offsetBehind,
  readBatchAttributes,
  readBatchHeader,
  readBatchLength,
  readBatchMagic,
  readBatchSize,
  readRecordCount,
  setBaseOffset,
  setMaxTimestamp,
  setPartitionLeaderEpoch,
  setProducer,
  verifyBatchCrc,
  writeBatchCrc,
  type RecordBatchHeader,
} from './record-batch-header.ts';
export { nextSequence, sequenceAfter } from './sequences.ts';
export { controlTypeOf, controlTypes, encodeControlBatch } from './control-batch.ts';
export { codecOf, type Codec } from './compression.ts';
export {
  decodeRecordBatch,
  encodeRecordBatch,
  recordBytesBound,
  type DecodeOptions,
  type EncodeOptions,
} from './record-batch.ts';
export { walkRecords, type WalkedRecord, type WalkedRecords } from './record-walk.ts';
export { Reader } from './reader.ts';
export { Writer } from './writer.ts';

// Requests, responses and structures of records. The APIs themselves: `@throughline/wire/apis`, `@throughline/wire/records`.
export { type Api, type Read, type RecordSchema } from './api.ts';
export { MessageReader } from './message-reader.ts';
export { MessageWriter } from './message-writer.ts';
export {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestStart,
  type RequestHeader,
} from './message.ts';
export { isRetriableKafkaError, type KafkaErrorName } from './kafka-errors.ts';
export { noBytes, zeroUuid } from './schema-defaults.ts';
export { stringBytesMax } from './defaults.ts';
