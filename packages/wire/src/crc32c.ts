// CRC-32C (Castagnoli): the checksum of a Kafka record batch and of the commit journal's frames.
//
// Polynomial 0x1EDC6F41, reflected 0x82F63B78; register starts as all ones and is inverted at the end (RFC 3720 §12.1,
// whose appendix B.4 has the check values). Computed eight bytes at a time with eight tables of 256 entries
// ("slicing-by-8": Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based CRC
// Generators", 2005). Plain JavaScript, because it is level with WebAssembly here and needs no dependency; node:zlib has
// CRC-32 only, which is another polynomial.

const tables = makeTables();

/**
 * The CRC-32C of `bytes` from `start` up to, not including, `end`.
 *
 * @param seed the result for the bytes that come before these, so that a checksum can be taken piece by piece
 * @returns an unsigned 32-bit integer
 * @example crc32c(new TextEncoder().encode('123456789')) === 0xe3069283 // true
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  // A local constant spares the engine a look-up of the module's binding at every byte.
  const table = tables;
  let crc = ~seed;
  let i = start;
  for (const wordsEnd = end - 7; i < wordsEnd; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      table[1792 + (crc & 0xff)]! ^
      table[1536 + ((crc >>> 8) & 0xff)]! ^
      table[1280 + ((crc >>> 16) & 0xff)]! ^
      table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[i + 4]!]! ^
      table[512 + bytes[i + 5]!]! ^
      table[256 + bytes[i + 6]!]! ^
      table[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** Eight tables in one array: entry `k * 256 + byte` is the effect of `byte` followed by `k` zero bytes. */
function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[byte] = crc;
  }
  for (let i = 256; i < made.length; i++) {
    const previous = made[i - 256]!;
    made[i] = (previous >>> 8) ^ made[previous & 0xff]!;
  }
  return made;
}
