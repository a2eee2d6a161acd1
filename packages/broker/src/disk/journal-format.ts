// The files of the commit journal, `<n>.journal`: a head, then frames, each a record batch with what places it.
// All integers are big-endian.
//
//   file head, 20 bytes                              frame, 36 bytes, then the batch
//   position  field                                  position  field
//          0  magic     8 bytes "TLJRNL01"                  0  crc        uint32   CRC-32C of bytes 4..36 and of what
//          8  sequence  int64                                                      the batch's own crc does not cover
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
  batchHeaderBytes,
  batchHeaderProblem,
  crc32c,
  crcOfUncheckedHead,
  offsetBehind,
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

/** A file of a journal. */
export interface JournalFileName {
  readonly name: string;
  readonly path: string;
  /** The number in its name. */
  readonly index: number;
  /** Of its last use; `neverUsed` where neither its head nor the first frame says it. */
  readonly sequence: bigint;
  /** The first frame says what the head does not. */
  readonly isHeadLost: boolean;
}

/** Bytes of a journal file between which something damaged stands, with whole frames of the same use up to its end. */
export interface JournalDamage {
  readonly file: JournalFileName;
  readonly from: number;
  readonly to: number;
}

/**
 * Reads back what the journal in `folder` holds, oldest first: everything acknowledged since the last checkpoint, and
 * some of what came before it. Where two entries of a partition overlap, the later one counts.
 *
 * A file ends before its first frame that does not check out. That is its end, a write that was torn, or damage: where
 * whole frames of the same use stand behind it, `onDamage` is told. They are not read: of a write that was torn some may
 * have come to the disk, and an earlier write may have been voided.
 */
export async function* readJournal(
  disk: Disk,
  folder: string,
  onDamage?: (damage: JournalDamage) => Promise<void>,
): AsyncGenerator<JournalEntry> {
  const files = (await journalFiles(disk, folder)).sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  for (const file of files) {
    const bytes = await disk.readFile(file.path);
    if (bytes === undefined) continue;
    let end = file.sequence === neverUsed ? 0 : fileHeadBytes;
    if (file.sequence !== neverUsed) {
      for (let frame = frameAt(bytes, end); frame?.sequence === file.sequence; frame = frameAt(bytes, end)) {
        yield frame.entry;
        end = frame.end;
      }
    }
    if (onDamage === undefined) continue;
    const to = endOfLater(bytes, end, file.sequence);
    if (to > end) await onDamage({ file, from: end, to });
  }
}

/** The files of a journal, by their numbers. */
export async function journalFiles(disk: Disk, folder: string): Promise<JournalFileName[]> {
  const names = (await disk.list(folder)).filter((name) => journalName.test(name)).sort();
  const files: JournalFileName[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    const head = new Uint8Array(fileHeadBytes);
    const file = await disk.open(path, 'read');
    try {
      await file.read(head, 0);
    } finally {
      await file.close();
    }
    let sequence = sequenceOf(head);
    const isUnsaid = sequence === neverUsed;
    if (isUnsaid) {
      const bytes = await disk.readFile(path);
      sequence = (bytes === undefined ? undefined : frameAt(bytes, fileHeadBytes)?.sequence) ?? neverUsed;
    }
    files.push({
      name,
      path,
      index: Number.parseInt(name, 10),
      sequence,
      isHeadLost: isUnsaid && sequence !== neverUsed,
    });
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
      const header = readBatchHeader(batch, 0);
      const { baseOffset } = header;
      const to = offsetBehind(header);
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

const journalName = /^\d{4,}\.journal$/;

export function journalFileName(index: number): string {
  return `${String(index).padStart(4, '0')}.journal`;
}

interface Frame {
  readonly entry: JournalEntry;
  readonly sequence: bigint;
  /** Where the next one begins. */
  readonly end: number;
}

/** The whole frame that begins at a position, of whatever use of the file; undefined where there is none. */
function frameAt(bytes: Uint8Array, position: number): Frame | undefined {
  const batchAt = position + frameHeadBytes;
  if (batchAt + batchHeaderBytes > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const crc = crcOfUncheckedHead(bytes, batchAt, crc32c(bytes, position + 4, batchAt));
  if (crc !== view.getUint32(position)) return undefined;
  const header = readBatchHeader(bytes, batchAt);
  const sizeBytes = view.getInt32(position + 4);
  if (batchHeaderProblem(header) !== undefined || header.sizeBytes !== sizeBytes) return undefined;
  if (!verifyBatchCrc(bytes, batchAt, sizeBytes)) return undefined;
  const entry = {
    topicId: bytes.subarray(position + 16, position + 32),
    partition: view.getInt32(position + 32),
    batch: bytes.subarray(batchAt, batchAt + sizeBytes),
  };
  return { entry, sequence: view.getBigInt64(position + 8), end: batchAt + sizeBytes };
}

/** Where the last whole frame ends that stands behind `from`: of one use of the file, or of any when that is not known. */
function endOfLater(bytes: Uint8Array, from: number, sequence: bigint): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The same memory: a Buffer looks for a byte forty times as fast.
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - frameHeadBytes - batchHeaderBytes;
  let end = from;
  for (let at = candidateFrom(buffer, from + 1, sequence); at <= last; at = candidateFrom(buffer, at + 1, sequence)) {
    if (sequence !== neverUsed && view.getBigInt64(at + 8) !== sequence) continue;
    const sizeBytes = view.getInt32(at + 4);
    if (sizeBytes < batchHeaderBytes || at + frameHeadBytes + sizeBytes > bytes.length) continue;
    const frame = frameAt(bytes, at);
    if (frame === undefined) continue;
    end = frame.end;
    at = end - 1;
  }
  return end;
}

const zeros = new Uint8Array(4096);

/**
 * The first position from `at` on where a frame could begin. Each start looks through every file of the journal, and most of
 * that is zeros or of earlier uses, so what is looked for is looked for by the machine's own means: the last byte of the
 * sequence, or, where that is no help, anything but zeros.
 */
function candidateFrom(bytes: Buffer, at: number, sequence: bigint): number {
  const lowByte = Number(sequence & 0xffn);
  if (lowByte !== 0) {
    const found = bytes.indexOf(lowByte, at + 15);
    return found < 0 ? bytes.length : found - 15;
  }
  let candidate = at;
  // A frame has a size, which is not zero, in its first eight bytes.
  while (candidate + zeros.length <= bytes.length && isZero(bytes, candidate)) candidate += zeros.length - 7;
  return candidate;
}

function isZero(bytes: Buffer, at: number): boolean {
  return Buffer.compare(bytes.subarray(at, at + zeros.length), zeros) === 0;
}

export function frameHead(from: JournalPartition, sequence: bigint, batch: Uint8Array): Uint8Array {
  const head = new Uint8Array(frameHeadBytes);
  const view = new DataView(head.buffer);
  view.setInt32(4, batch.length);
  view.setBigInt64(8, sequence);
  head.set(from.topicId, 16);
  view.setInt32(32, from.partition);
  view.setUint32(0, crcOfUncheckedHead(batch, 0, crc32c(head, 4)));
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
