// Kafka's small text files of offsets (server/common/CheckpointFile.java): a version, a count, one line per entry.
//
//   recovery-point-offset-checkpoint    "topic partition offset"   everything below the offset is synced
//   log-start-offset-checkpoint         "topic partition offset"   the first offset that can be read
//   <topic>-<n>/leader-epoch-checkpoint "epoch startOffset"        the first offset of each leader epoch
//
//   0
//   2
//   conversations 0 1284
//   conversations 1 0
//
// Each is replaced whole. One that cannot be read is as good as none: recovery then checks more than it must.
import { fromUtf8, utf8 } from '@throughline/event';

const version = '0';

export function encodeCheckpoint(lines: readonly string[]): Uint8Array {
  return utf8([version, String(lines.length), ...lines, ''].join('\n'));
}

/** The entries, or undefined when it is no whole checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): readonly (readonly string[])[] | undefined {
  const text = fromUtf8(bytes);
  const [found, count, ...rest] = text.split('\n');
  const lines = rest.filter((line) => line !== '');
  // Every line has its end: without the last one a number may be cut short.
  if (!text.endsWith('\n')) return undefined;
  if (found !== version || count !== String(lines.length)) return undefined;
  return lines.map((line) => line.split(' '));
}

/** The offset per partition, under its folder's name `<topic>-<n>`. */
export type PartitionOffsets = ReadonlyMap<string, bigint>;

export function encodePartitionOffsets(
  entries: Iterable<{ readonly topic: string; readonly partition: number; readonly offset: bigint }>,
): Uint8Array {
  return encodeCheckpoint(Array.from(entries, ({ topic, partition, offset }) => `${topic} ${partition} ${offset}`));
}

export function decodePartitionOffsets(bytes: Uint8Array | undefined): PartitionOffsets | undefined {
  const lines = bytes === undefined ? undefined : decodeCheckpoint(bytes);
  if (lines === undefined) return undefined;
  const offsets = new Map<string, bigint>();
  for (const [topic, partition, offset] of lines) {
    if (topic === undefined || !isNumber(partition) || !isNumber(offset)) return undefined;
    offsets.set(`${topic}-${partition}`, BigInt(offset));
  }
  return offsets;
}

export function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,19}$/.test(text);
}
