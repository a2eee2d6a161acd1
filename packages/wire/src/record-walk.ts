// Going through the records of a batch without making anything of them: is the format kept, and what are the timestamps?
// The broker does this with every uncompressed batch that it is sent, so the bytes are read here by hand (layout: record-batch.ts):
// one small object per batch, nothing per record unless somebody wants to see each.
import { ThroughlineError } from '@throughline/event';
import { codecOf, decompress } from './compression.ts';
import { decompressedBytesMax } from './defaults.ts';
import type { RecordBatchHeader } from './record-batch-header.ts';
import { batchHeaderBytes, isAppendTime } from './record-batch-layout.ts';

export interface WalkedRecords {
  /** Of the records that have a timestamp; -1 when none has. In milliseconds since 1970. */
  readonly minTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly keylessCount: number;
}

/** What is seen of a record. */
export interface WalkedRecord {
  readonly index: number;
  /** Its offset minus that of the batch; the index, but where compaction has left records out. */
  readonly offsetDelta: number;
  readonly timestampMs: number;
  readonly hasKey: boolean;
}

/** Kafka's RecordBatch.NO_TIMESTAMP. */
const noTimestamp = -1;

/**
 * Goes through all records of the batch of `header` at `position`, unpacking them first where they are compressed.
 *
 * @param visit called with each record
 * @throws ThroughlineError INVALID_RECORD when the bytes break the format, or the records are not the ones that the head
 *   counts
 * @example walkRecords(batch, 0, readBatchHeader(batch, 0)).maxTimestampMs
 */
export function walkRecords(
  buffer: Uint8Array,
  position: number,
  header: RecordBatchHeader,
  visit?: (record: WalkedRecord) => void,
): WalkedRecords {
  const { baseTimestampMs, recordCount, lastOffsetDelta, sizeBytes, attributes } = header;
  const codec = codecOf(attributes);
  if (codec === undefined) throw invalid(`no codec has the attributes ${attributes}`);
  const records = buffer.subarray(position + batchHeaderBytes, position + sizeBytes);
  const cursor = new Cursor(decompress(codec, records, decompressedBytesMax));
  const appendTimeMs = isAppendTime(attributes) ? header.maxTimestampMs : undefined;
  let minTimestampMs = Number.POSITIVE_INFINITY;
  let maxTimestampMs = noTimestamp;
  let keylessCount = 0;
  let previousDelta = -1;
  for (let index = 0; index < recordCount; index++) {
    const length = cursor.varint();
    const end = cursor.at + length;
    if (length < 0 || end > cursor.bytes.length) throw invalid(`record ${index} has ${length} bytes`);
    cursor.at++;
    const ownTimestampMs = baseTimestampMs + cursor.varlong();
    const timestampMs = appendTimeMs ?? ownTimestampMs;
    const offsetDelta = cursor.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw invalid(`record ${index} is ${offsetDelta} behind the first, after ${previousDelta}`);
    }
    previousDelta = offsetDelta;
    const hasKey = cursor.skipField();
    cursor.skipField();
    const headerCount = cursor.varint();
    // Each has at least two bytes: a count above that must not cost time.
    if (headerCount < 0 || headerCount * 2 > length) throw invalid(`record ${index} has ${headerCount} headers`);
    for (let i = 0; i < headerCount; i++) {
      cursor.skipField();
      cursor.skipField();
    }
    if (cursor.at !== end) throw invalid(`record ${index} does not end where its length says`);
    if (timestampMs !== noTimestamp && timestampMs < minTimestampMs) minTimestampMs = timestampMs;
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
    if (!hasKey) keylessCount++;
    visit?.({ index, offsetDelta, timestampMs, hasKey });
  }
  const left = cursor.bytes.length - cursor.at;
  if (left !== 0) throw invalid(`${left} bytes follow the last record`);
  if (minTimestampMs === Number.POSITIVE_INFINITY) minTimestampMs = noTimestamp;
  return { minTimestampMs, maxTimestampMs, keylessCount };
}

/** Where the walk stands. A Reader would make a view of each field. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw invalid('a record is cut off');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw invalid('a varint is longer than 32 bits');
  }

  /** The nearest number: only what is 285,000 years off is not exact. */
  varlong(): number {
    let value = 0;
    let factor = 1;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw invalid('a record is cut off');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      factor *= 128;
    }
    throw invalid('a varlong is longer than 64 bits');
  }

  /** Passes over a key, a value or a header's name, which is a length and the bytes; false for null, whose length is -1. */
  skipField(): boolean {
    const length = this.varint();
    if (length < -1) throw invalid(`a field of ${length} bytes`);
    if (length > 0) this.at += length;
    return length >= 0;
  }
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', `the records of the batch are malformed: ${problem}`);
}
