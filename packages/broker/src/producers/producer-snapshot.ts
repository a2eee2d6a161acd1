// The file `<offset>.snapshot`: what a partition knew of its producers when everything below the offset was in the log, as
// Apache Kafka stores it (storage/src/main/resources/message/ProducerSnapshot.json, version 1). All integers big-endian.
//
//   version           int16    1
//   crc               uint32   CRC-32C of everything after it
//   entryCount        int32, then per entry:
//     producerId             int64
//     epoch                  int16
//     lastSequence           int32    -1: no batch
//     lastOffset             int64    -1: no batch
//     offsetDelta            int32    of the batch's last offset from its first
//     timestamp              int64    the batch's largest, milliseconds since 1970
//     coordinatorEpoch       int32    of the last transaction marker, -1 without
//     currentTxnFirstOffset  int64    of an open transaction, -1 without
//
// Kafka writes one entry per producer, with its last batch; so a restart there forgets the four before it. Here a producer
// has an entry for each batch, oldest first. Kafka reads that too: of entries with the same producer id its loader keeps
// the last one. The last one's timestamp is when the producer was last heard of, if that is later: expiry goes by it.
import { ThroughlineError } from '@throughline/event';
import { crc32c, Reader, Writer } from '@throughline/wire';
import { KnownProducer, type KeptBatch } from './known-producer.ts';

const version = 1;
const crcAt = 2;
const entriesAt = 6;
const entryBytes = 46;
const noBatch: KeptBatch = { lastSequence: -1, lastOffset: -1n, offsetDelta: 0, timestampMs: -1 };

export function encodeSnapshot(producers: readonly KnownProducer[]): Uint8Array {
  const entries = producers.flatMap((producer) =>
    (producer.kept.length > 0 ? producer.kept : [noBatch]).map((batch, i, all) => ({
      producer,
      batch,
      isLast: i === all.length - 1,
    })),
  );
  const writer = new Writer(entriesAt + 4 + entries.length * entryBytes);
  writer.int16(version);
  writer.int32(0); // crc, below
  writer.int32(entries.length);
  for (const { producer, batch, isLast } of entries) {
    writer.int64(producer.id);
    writer.int16(producer.epoch);
    writer.int32(batch.lastSequence);
    writer.int64(batch.lastOffset);
    writer.int32(batch.offsetDelta);
    writer.int64FromNumber(isLast ? Math.max(batch.timestampMs, producer.lastSeenMs) : batch.timestampMs);
    writer.int32(producer.coordinatorEpoch);
    writer.int64(isLast ? producer.transactionOffset : -1n);
  }
  const bytes = writer.finish();
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(crcAt, crc32c(bytes, entriesAt));
  return bytes;
}

/** The producers of a snapshot, or undefined when it is none, or damaged. */
export function decodeSnapshot(bytes: Uint8Array): readonly KnownProducer[] | undefined {
  const reader = new Reader(bytes);
  try {
    if (reader.int16() !== version || reader.uint32() !== crc32c(bytes, entriesAt)) return undefined;
    const producers = new Map<bigint, KnownProducer>();
    for (let left = reader.int32(); left > 0; left--) {
      const id = reader.int64();
      const producer = producers.get(id) ?? new KnownProducer(id, 0);
      producers.set(id, producer);
      producer.beginEpoch(reader.int16());
      const lastSequence = reader.int32();
      const lastOffset = reader.int64();
      const offsetDelta = reader.int32();
      const timestampMs = reader.int64AsNumber();
      if (lastOffset >= 0n) producer.remember({ lastSequence, lastOffset, offsetDelta, timestampMs });
      producer.lastSeenMs = timestampMs;
      producer.coordinatorEpoch = reader.int32();
      producer.transactionOffset = reader.int64();
    }
    return Array.from(producers.values());
  } catch (error) {
    // Its checksum is right and its entries are cut short: as good as none.
    if (ThroughlineError.is(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}
