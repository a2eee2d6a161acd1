// Unpacks Snappy (format_description.txt of the snappy project), raw or in the framing of xerial's snappy-java, which
// Kafka's Java clients use.
//
//   xerial    "\x82SNAPPY\0", version int32, compatible version int32, then chunks: size int32 big-endian, raw Snappy
//   raw       the unpacked size as a varint, then elements by the two lowest bits of their first byte:
//               0  literals: count - 1 in the upper six bits; 60 to 63: in the 1 to 4 bytes that follow, little-endian
//               1  copy: length - 4 in three bits; distance: three bits above and the byte that follows
//               2  copy: length - 1 in six bits; distance uint16, little-endian
//               3  copy: length - 1 in six bits; distance uint32, little-endian
import { malformedBlock, UnpackedBytes } from './unpacked-bytes.ts';

const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
const xerialHeadBytes = 16;
/** An element of three bytes makes 64 at most: what claims more than this per byte is no Snappy. */
const ratioMax = 64;

/** @throws ThroughlineError INVALID_RECORD when the bytes are no Snappy, or unpack to more than `bytesMax` */
export function unpackSnappy(bytes: Uint8Array, bytesMax: number): Uint8Array {
  if (!xerialMagic.every((byte, i) => bytes[i] === byte)) {
    const unpacked = new UnpackedBytes(unpackedSize(bytes, 0, bytes.length).size, bytesMax);
    unpackRaw(bytes, 0, bytes.length, unpacked);
    return unpacked.bytes;
  }
  const unpacked = new UnpackedBytes(bytes.length * 4, bytesMax);
  let at = xerialHeadBytes;
  while (at < bytes.length) {
    if (at + 4 > bytes.length) throw malformedBlock('a Snappy chunk is cut off');
    const size = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    at += 4;
    if (size < 0 || at + size > bytes.length) throw malformedBlock(`a Snappy chunk of ${size} bytes`);
    unpackRaw(bytes, at, at + size, unpacked);
    at += size;
  }
  return unpacked.bytes;
}

function unpackRaw(bytes: Uint8Array, start: number, end: number, unpacked: UnpackedBytes): void {
  const { size, position } = unpackedSize(bytes, start, end);
  const windowStart = unpacked.length;
  const unpackedEnd = windowStart + size;
  let at = position;
  while (at < end) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    const extraBytes = kind === 0 ? Math.max(0, (tag >> 2) - 59) : kind === 3 ? 4 : kind;
    if (at + extraBytes > end) throw malformedBlock('a Snappy element is cut off');
    let extra = 0;
    for (let i = 0; i < extraBytes; i++) extra += bytes[at + i]! * 2 ** (8 * i);
    at += extraBytes;
    if (kind === 0) {
      const count = (extraBytes === 0 ? tag >> 2 : extra) + 1;
      if (at + count > end) throw malformedBlock(`${count} Snappy literals where ${end - at} bytes are left`);
      if (unpacked.length + count > unpackedEnd) throw malformedBlock('more comes out than it says');
      unpacked.add(bytes, at, at + count);
      at += count;
    } else {
      const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      if (unpacked.length + count > unpackedEnd) throw malformedBlock('more comes out than it says');
      unpacked.repeat(kind === 1 ? ((tag >> 5) << 8) | extra : extra, count, windowStart);
    }
  }
  if (unpacked.length !== unpackedEnd) throw malformedBlock(`it says ${size} bytes and has others`);
}

/** The size that raw Snappy says it has unpacked, and where its elements begin. */
function unpackedSize(bytes: Uint8Array, start: number, end: number): { size: number; position: number } {
  let size = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    const byte = bytes[start + i]!;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte >= 0x80) continue;
    if (size > (end - start) * ratioMax) throw malformedBlock(`${size} bytes in ${end - start}`);
    return { size, position: start + i + 1 };
  }
  throw malformedBlock('its size is cut off');
}
