// Idempotence (KIP-98) in the head of a record batch: producer id, epoch and the base sequence, by
// which a leader knows a batch that it has already. They stand under the checksum.
import { writeBatchCrc } from '@throughline/wire';

export interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

const producerIdAt = 43;
const producerEpochAt = 51;
const baseSequenceAt = 53;
const recordCountAt = 57;

/** Makes `batch` the one of `identity` that begins with `sequence`. */
export function stampProducer(batch: Uint8Array, { id, epoch }: ProducerIdentity, sequence: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setBigInt64(producerIdAt, id);
  view.setInt16(producerEpochAt, epoch);
  view.setInt32(baseSequenceAt, sequence);
  writeBatchCrc(batch, 0, batch.length);
}

/** The sequence after `batch`: 2^31 - 1 is followed by 0. */
export function sequenceAfter(batch: Uint8Array, sequence: number): number {
  const recordCount = new DataView(batch.buffer, batch.byteOffset, batch.byteLength).getInt32(recordCountAt);
  return (sequence + recordCount) & 0x7fffffff;
}
