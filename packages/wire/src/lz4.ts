// Unpacks LZ4 frames (lz4_Frame_format.md 1.6.2 and lz4_Block_format.md of the LZ4 project), as Kafka's producers make them.
// All integers are little-endian.
//
//   frame   magic 0x184D2204, FLG, BD, [contentSize int64], [dictionaryId uint32], headerChecksum byte,
//           blocks, uint32 0, [contentChecksum uint32]
//   FLG     bits 7-6 version 01 · 5 blocks are independent · 4 each has a checksum · 3 content size · 2 content checksum
//           · 0 dictionary id
//   block   uint32 size, its highest bit set where the block is not packed; the bytes; [checksum uint32]
//   packed  sequences of: a token (literal count 4 bits, match length - 4 4 bits; 15 goes on in bytes until one below 255),
//           the literals, and a match: distance uint16. The last sequence of a block has literals only.
//
// Frames may follow each other, and skippable ones (0x184D2A50 to 0x184D2A5F) between them. Checksums (xxHash) are passed
// over: the record batch has one of its own around all of it. Dictionaries are not for Kafka and are rejected.
import { malformedBlock, UnpackedBytes } from './unpacked-bytes.ts';

const magic = 0x184d2204;
const skippableMagic = 0x184d2a50;
const checksumBytes = 4;
/** A first guess of how much text shrinks. */
const usualRatio = 4;

/** @throws ThroughlineError INVALID_RECORD when the bytes are no LZ4 frames, or unpack to more than `bytesMax` */
export function unpackLz4(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const unpacked = new UnpackedBytes(bytes.length * usualRatio, bytesMax);
  let at = 0;
  while (at < bytes.length) {
    const found = uint32(bytes, at);
    if (found === magic) at = unpackFrame(bytes, at + 4, unpacked);
    else if ((found & 0xfffffff0) === skippableMagic) at += 8 + uint32(bytes, at + 4);
    else throw malformedBlock('it is no LZ4 frame');
  }
  if (at > bytes.length) throw malformedBlock('a skippable frame is cut off');
  return unpacked.bytes;
}

/** Unpacks the frame whose descriptor is at `start`; returns where it ends. */
function unpackFrame(bytes: Uint8Array, start: number, unpacked: UnpackedBytes): number {
  const flags = bytes[start] ?? 0;
  if (flags >> 6 !== 1) throw malformedBlock('an LZ4 frame of an unknown version');
  if ((flags & 0x01) !== 0) throw malformedBlock('an LZ4 frame with a dictionary');
  const isIndependent = (flags & 0x20) !== 0;
  const blockChecksumBytes = (flags & 0x10) === 0 ? 0 : checksumBytes;
  const contentSizeBytes = (flags & 0x08) === 0 ? 0 : 8;
  const contentChecksumBytes = (flags & 0x04) === 0 ? 0 : checksumBytes;
  const frameStart = unpacked.length;
  let at = start + 3 + contentSizeBytes;
  for (;;) {
    const size = uint32(bytes, at);
    at += 4;
    if (size === 0) break;
    const end = at + (size & 0x7fffffff);
    if (end + blockChecksumBytes > bytes.length) throw malformedBlock('an LZ4 block is cut off');
    if (size >= 0x80000000) unpacked.add(bytes, at, end);
    else unpackBlock(bytes, at, end, unpacked, isIndependent ? unpacked.length : frameStart);
    at = end + blockChecksumBytes;
  }
  if (at + contentChecksumBytes > bytes.length) throw malformedBlock('an LZ4 frame is cut off');
  return at + contentChecksumBytes;
}

/** @param windowStart matches reach back to here at most */
function unpackBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  unpacked: UnpackedBytes,
  windowStart: number,
): void {
  let at = start;
  while (at < end) {
    const token = bytes[at++]!;
    let literalCount = token >> 4;
    for (let more = literalCount === 15 ? 255 : 0; more === 255; literalCount += more) {
      more = at < end ? bytes[at++]! : cutOff();
    }
    if (at + literalCount > end) cutOff();
    unpacked.add(bytes, at, at + literalCount);
    at += literalCount;
    if (at === end) return;
    if (at + 2 > end) cutOff();
    const distance = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    let matchLength = (token & 0x0f) + 4;
    for (let more = matchLength === 19 ? 255 : 0; more === 255; matchLength += more) {
      more = at < end ? bytes[at++]! : cutOff();
    }
    unpacked.repeat(distance, matchLength, windowStart);
  }
}

function cutOff(): never {
  throw malformedBlock('an LZ4 sequence is cut off');
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw malformedBlock('an LZ4 frame is cut off');
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
