// The files of the commit journal, `<n>.journal`: a head, then frames, each a record batch with what places it.
// All integers are big-endian.
//
//   file head, 20 bytes                              frame, 36 bytes, then the batch
//   position  field                                  position  field
//          0  magic     8 bytes "TLJRNL01"                  0  crc        uint32   CRC-32C of bytes 4..36 and of the
//          8  sequence  int64                                                      first 21 bytes of the batch
//         16  crc       uint32  CRC-32C of 0..16            4  sizeBytes  int32    of the batch
//                                                           8  sequence   int64    of the file
//                                                          16  topicId    16 bytes
//                                                          32  partition  int32
//                                                          36  the record batch, base offset and leader epoch in place
//
// The frame's checksum covers what the batch's own does not, and the batch's covers the rest: together they tell a torn
// write, and no byte is summed twice. Each use of a file has a new, larger sequence; a frame left from an earlier use has
// another one, and ends the file. The next group is written only after the last one is synced, so that the first frame
// that does not check out is behind everything that was acknowledged.
//
import { fromUtf8, utf8 } from '@throughline/event';
import {
  batchAttributesAt,
  batchHeaderBytes,
  batchHeaderProblem,
  crc32c,
  readBatchHeader,
  verifyBatchCrc,
} from '@throughline/wire';
import type { Disk } from './disk.ts';

const magic = utf8('TLJRNL01');
export const fileHeadBytes = 20;
export const frameHeadBytes = 36;
/** Sequences begin at 1. */
const neverUsed = 0n;

/** What identifies a partition in the journal. */
export interface JournalPartition {
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly partition: number;
}

/** A frame read back. */
export interface JournalEntry extends JournalPartition {
  readonly batch: Uint8Array;
}

/**
 * Reads back what the journal in `folder` holds, oldest first: everything acknowledged since the last checkpoint, and
 * some of what came before it. Where two entries of a partition overlap, the later one counts.
 */
export async function* readJournal(disk: Disk, folder: string): AsyncGenerator<JournalEntry> {
  const files = (await journalFiles(disk, folder)).sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  for (const { path, sequence } of files) {
    const bytes = sequence === neverUsed ? undefined : await disk.readFile(path);
    if (bytes !== undefined) yield* framesOf(bytes, sequence);
  }
}

/** The files of a journal, each with the sequence of its last use; `neverUsed` where its head is missing or torn. */
export async function journalFiles(
  disk: Disk,
  folder: string,
): Promise<{ readonly path: string; readonly sequence: bigint }[]> {
  const names = (await disk.list(folder)).filter((name) => /^\d{4,}\.journal$/.test(name)).sort();
  const files: { readonly path: string; readonly sequence: bigint }[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    const head = new Uint8Array(fileHeadBytes);
    const file = await disk.open(path, 'read');
    try {
      await file.read(head, 0);
    } finally {
      await file.close();
    }
    files.push({ path, sequence: sequenceOf(head) });
  }
  return files;
}

/**
 * Says which records of a partition the journal holds: those from one offset up to the other, without a gap between. It reads
 * the whole journal.
 */
export async function journalExtents(
  disk: Disk,
  folders: readonly string[],
): Promise<ReadonlyMap<string, JournalExtent>> {
  const extents = new Map<string, { from: bigint; to: bigint }>();
  for (const folder of folders) {
    for await (const { topicId, partition, batch } of readJournal(disk, folder)) {
      const { baseOffset, lastOffsetDelta } = readBatchHeader(batch, 0);
      const to = baseOffset + BigInt(lastOffsetDelta) + 1n;
      const key = `${Buffer.from(topicId).toString('hex')}-${partition}`;
      const extent = extents.get(key);
      if (extent === undefined || baseOffset > extent.to || baseOffset < extent.from)
        extents.set(key, { from: baseOffset, to });
      else extent.to = to;
    }
  }
  return extents;
}

export interface JournalExtent {
  readonly from: bigint;
  readonly to: bigint;
}

export function journalFileName(index: number): string {
  return `${String(index).padStart(4, '0')}.journal`;
}

function* framesOf(bytes: Uint8Array, sequence: bigint): Generator<JournalEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = fileHeadBytes;
  while (position + frameHeadBytes + batchHeaderBytes <= bytes.length) {
    const batchAt = position + frameHeadBytes;
    if (view.getBigInt64(position + 8) !== sequence) return;
    if (crc32c(bytes, position + 4, batchAt + batchAttributesAt) !== view.getUint32(position)) return;
    const header = readBatchHeader(bytes, batchAt);
    const sizeBytes = view.getInt32(position + 4);
    if (batchHeaderProblem(header) !== undefined || header.sizeBytes !== sizeBytes) return;
    if (!verifyBatchCrc(bytes, batchAt, sizeBytes)) return;
    yield {
      topicId: bytes.subarray(position + 16, position + 32),
      partition: view.getInt32(position + 32),
      batch: bytes.subarray(batchAt, batchAt + sizeBytes),
    };
    position = batchAt + sizeBytes;
  }
}

export function frameHead(from: JournalPartition, sequence: bigint, batch: Uint8Array): Uint8Array {
  const head = new Uint8Array(frameHeadBytes);
  const view = new DataView(head.buffer);
  view.setInt32(4, batch.length);
  view.setBigInt64(8, sequence);
  head.set(from.topicId, 16);
  view.setInt32(32, from.partition);
  view.setUint32(0, crc32c(batch, 0, batchAttributesAt, crc32c(head, 4)));
  return head;
}

export function fileHead(sequence: bigint): Uint8Array {
  const head = new Uint8Array(fileHeadBytes);
  const view = new DataView(head.buffer);
  head.set(magic);
  view.setBigInt64(8, sequence);
  view.setUint32(16, crc32c(head, 0, 16));
  return head;
}

function sequenceOf(head: Uint8Array): bigint {
  if (fromUtf8(head.subarray(0, magic.length)) !== fromUtf8(magic)) return neverUsed;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return crc32c(head, 0, 16) === view.getUint32(16) ? view.getBigInt64(8) : neverUsed;
}
