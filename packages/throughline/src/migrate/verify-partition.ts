// Whether a partition of the copy has the records of the source: both are read from where both have records, record for
// record, into a digest each.
import { createHash, type Hash } from 'node:crypto';
import { ThroughlineError, timestampJson, utf8, type LogRecord } from '@throughline/event';
import { readOn, type Log } from '@throughline/log';
import { migrateReadBytes } from '../defaults.ts';
import { endsOf, isSame } from './copy-partition.ts';
import { isFiller } from './gap.ts';

export interface VerifiedPartition {
  /** The range that both sides have. */
  readonly startOffset: bigint;
  readonly endOffset: bigint;
  readonly records: number;
  /** SHA-256 of offset, time, key, value and headers of every record in it, hexadecimal; the same on both sides. */
  readonly digest: string;
}

/** @throws ThroughlineError MIGRATION_DIFFERS naming the first offset that differs */
export async function verifyPartition(
  source: Log,
  target: Log,
  { topic, partition, endOffset }: { readonly topic: string; readonly partition: number; readonly endOffset: bigint },
): Promise<VerifiedPartition> {
  const starts = await Promise.all([source, target].map((log) => endsOf(log, topic, partition)));
  const startOffset = starts.reduce((max, { logStartOffset }) => (logStartOffset > max ? logStartOffset : max), 0n);
  const range = { topic, partition, startOffset, endOffset };
  const theirs = recordsOf(source, range);
  const ours = recordsOf(target, range);
  const digests = [createHash('sha256'), createHash('sha256')] as const;
  let records = 0;
  for (;;) {
    const [a, b] = await Promise.all([theirs.next(), ours.next()]);
    if (a.done === true && b.done === true) break;
    if (a.done === true || b.done === true || !isSame(a.value, b.value)) {
      const offset = a.value?.offset ?? b.value?.offset;
      const message = `${topic}-${partition} at offset ${String(offset)}: the copy is not what the source has`;
      throw new ThroughlineError('MIGRATION_DIFFERS', message, {
        details: { topic, partition, offset: String(offset) },
      });
    }
    add(digests[0], a.value);
    add(digests[1], b.value);
    records++;
  }
  const [digest, other] = [digests[0].digest('hex'), digests[1].digest('hex')];
  if (digest !== other) {
    throw new ThroughlineError('MIGRATION_DIFFERS', `${topic}-${partition}: digest ${other}, the source has ${digest}`);
  }
  return { startOffset, endOffset, records, digest };
}

/** The records of a range, without those that fill gaps; what is damaged has no record. */
async function* recordsOf(
  log: Log,
  {
    topic,
    partition,
    startOffset,
    endOffset,
  }: Omit<VerifiedPartition, 'records' | 'digest'> & {
    readonly topic: string;
    readonly partition: number;
  },
): AsyncGenerator<LogRecord, undefined> {
  for (let offset = startOffset; offset < endOffset;) {
    const found = await readOn(log, { topic, partition, offset, bytesMax: migrateReadBytes }, () => {});
    for (const record of found.records) if (record.offset < endOffset && !isFiller(record)) yield record;
    if (found.nextOffset <= offset) return undefined;
    offset = found.nextOffset;
  }
  return undefined;
}

/** Adds a record so that no two different ones read alike: each part is led by its length, -1 for null. */
function add(hash: Hash, record: LogRecord): void {
  const { offset, key, value, headers } = record;
  hash.update(`${offset} ${timestampJson(record)} ${headers.length};`);
  const part = (bytes: Uint8Array | null): void => {
    hash.update(`${bytes?.length ?? -1};`);
    if (bytes !== null) hash.update(bytes);
  };
  part(key);
  part(value);
  for (const header of headers) {
    part(utf8(header.key));
    part(header.value);
  }
}
