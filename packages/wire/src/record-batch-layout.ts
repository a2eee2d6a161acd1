// Where the fields of a record batch stand, magic 2, in Kafka's notation (kafka.apache.org/documentation/#recordbatch; KIP-98),
// and which bit of `attributes` means what. Nobody outside of this package knows it: what a program wants of a batch,
// record-batch-header.ts reads and writes, and only tests that damage one look here.
// All integers are big-endian.
//
//   position  field                 type
//          0  baseOffset            int64    offset of the first record
//          8  batchLength           int32    bytes that follow this field
//         12  partitionLeaderEpoch  int32    set by the leader that appends the batch
//         16  magic                 int8     2
//         17  crc                   uint32   CRC-32C of everything from `attributes` to the end
//         21  attributes            int16    bits 0-2 codec, 3 timestamp type (1 = append time), 4 transactional,
//                                            5 control batch, 6 has delete horizon
//         23  lastOffsetDelta       int32    offset of the last record minus baseOffset
//         27  baseTimestamp         int64    milliseconds since 1970
//         35  maxTimestamp          int64
//         43  producerId            int64    -1: not idempotent
//         51  producerEpoch         int16
//         53  baseSequence          int32
//         57  recordCount           int32
//         61  records
//
// The checksum begins after the leader epoch, so a broker gives a batch its place in the log (base offset and leader
// epoch) without computing it again.

/** Positions of the fields, in their order. */
export const batchFieldsAt = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const;

/** Bits of `attributes`; the lowest three name the codec (compression.ts). */
export const attributeBits = { appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** Bytes of the head; the records begin here. */
export const batchHeaderBytes: number = batchFieldsAt.records;
/** Bytes that `batchLength` does not count: baseOffset and batchLength itself. */
export const batchPrefixBytes: number = batchFieldsAt.partitionLeaderEpoch;
/** Bytes up to and with the magic, which stands in the same place in every format that Kafka has had. */
export const batchBytesToMagic: number = batchFieldsAt.crc;

/** True where the timestamps of all records are the time of the append, in maxTimestamp. */
export function isAppendTime(attributes: number): boolean {
  return (attributes & attributeBits.appendTime) !== 0;
}

/** True for a batch of a transaction. */
export function isTransactionalBatch(attributes: number): boolean {
  return (attributes & attributeBits.transactional) !== 0;
}

/** True for a batch that holds no records but a marker (control-batch.ts). */
export function isControlBatch(attributes: number): boolean {
  return (attributes & attributeBits.control) !== 0;
}
