// A record as every floor above the wire sees it (Kafka's terms): key, value and headers are bytes that nobody but the
// envelope looks into; offsets are bigint in code and decimal strings in JSON.

export interface RecordHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record on its way into the log. */
export interface ProducerRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
  /** Creation time in milliseconds since 1970; the log's clock where absent. */
  readonly timestampMs?: number;
  /** Any int64 in the place of `timestampMs`, which is a time: for copies of records, whatever their producers put there. */
  readonly exactTimestampMs?: bigint;
  /** The partition; by the hash of the key (as Kafka's own producers do) where absent. */
  readonly partition?: number;
}

/** Where a record is. */
export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** When a record was made, or appended (message.timestamp.type), as its producer or the broker has it. */
export interface RecordTime {
  /** Milliseconds since 1970; the nearest number of an int64 that a number does not hold. */
  readonly timestampMs: number;
  /** The int64 itself, only where `timestampMs` is not a safe integer. */
  readonly exactTimestampMs?: bigint;
}

/** A record as read from the log. */
export interface LogRecord extends RecordPosition, RecordTime {
  /** The leader epoch that it was appended in (KIP-101); -1 or absent where that is not known. */
  readonly leaderEpoch?: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

const encoder = new TextEncoder();
// A byte order mark is a character like any other here: two keys or names that differ in one only are two.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The string that UTF-8 bytes hold; malformed bytes become U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
