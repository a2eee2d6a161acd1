// Record batches whose head says something else than it should.
import { batchFieldsAt, writeBatchCrc } from '@throughline/wire';

type HeadField = Exclude<keyof typeof batchFieldsAt, 'crc' | 'records'>;

/**
 * A copy of `batch` with other values in its head, and a checksum that fits.
 *
 * @example batchWith(batch, { recordCount: 0 })
 */
export function batchWith(
  batch: Uint8Array,
  fields: Readonly<Partial<Record<HeadField, number | bigint>>>,
): Uint8Array {
  const copy = Uint8Array.from(batch);
  const view = new DataView(copy.buffer);
  const places = Object.values(batchFieldsAt);
  for (const [field, value] of Object.entries(fields)) {
    const at = batchFieldsAt[field as HeadField];
    const sizeBytes = places[places.indexOf(at) + 1]! - at;
    if (sizeBytes === 8) view.setBigInt64(at, BigInt(value));
    else if (sizeBytes === 4) view.setInt32(at, Number(value));
    else if (sizeBytes === 2) view.setInt16(at, Number(value));
    else view.setInt8(at, Number(value));
  }
  writeBatchCrc(copy, 0, copy.length);
  return copy;
}
