// CRC-32C (Castagnoli): the checksum of a Kafka record batch and of the commit journal's frames.
//
// Polynomial 0x1EDC6F41, reflected 0x82F63B78; the register starts as all ones and is inverted at the end (RFC 3720 §12.1,
// whose appendix B.4 has the check values). There is no dependency; node:zlib has CRC-32 only, which is another polynomial.
// Two ways, measured in docs/internals/wire.md:
//
//   slicing-by-8   eight bytes at a time with eight tables of 256 entries (Kounavis and Berry, "A Systematic Approach to
//                  Building High Performance Software-based CRC Generators", 2005)
//   folding        above 2 KiB, several times as fast. Bytes form a polynomial over GF(2), and
//                    x^(32·209) + x^(32·144) + x^(32·54) + x^(32·39) + x^(32·14) + 1
//                  is a multiple of the CRC's polynomial P. Adding a multiple of P never changes the remainder, so a
//                  32-bit word can be cleared by adding it to the words 65, 155, 170, 195 and 209 places on: five additions
//                  and no table. What is left at the end, 209 words and a rest, goes through the tables. (The thought is
//                  Chorba's: Russell, "Chorba: A novel CRC32 implementation", 2024; the multiple is the sparsest one of six
//                  terms with the smallest degree in whole words, and crc32c.test.ts checks that it is one.)
//
// Words are only ever added to words, so the byte order of the machine does not matter.
import { clearWords, foldDegree, foldMemory } from './crc32c-fold.ts';

const tables = makeTables();

/** Below this many bytes the tail costs more than the folding saves. */
const foldBytesMin = 2048;
/** Bytes folded at a time: the copy stays in the processor's nearest cache. */
const foldBytesMax = 32 * 1024;
const tailBytes = foldDegree * 4;
/** A piece stands behind `foldDegree` words of zero, so that its first words need no special case. */
const words = new Int32Array(foldMemory);
const wordBytes = new Uint8Array(foldMemory);

/**
 * The CRC-32C of `bytes` from `start` up to, not including, `end`.
 *
 * @param seed the result for the bytes that come before these, so that a checksum can be taken piece by piece
 * @returns an unsigned 32-bit integer
 * @example crc32c(new TextEncoder().encode('123456789')) === 0xe3069283 // true
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  let register = ~seed;
  let at = start;
  while (end - at >= foldBytesMin) {
    // Words are cleared four at a time.
    const length = tailBytes + ((Math.min(end - at, foldBytesMax) - tailBytes) & ~15);
    register = fold(bytes, at, length, register);
    at += length;
  }
  return ~slice(bytes, at, end, register) >>> 0;
}

/** The register after `length` bytes by folding. */
function fold(bytes: Uint8Array, start: number, length: number, register: number): number {
  wordBytes.set(bytes.subarray(start, start + length), tailBytes);
  // A register that is not zero is the same as a zero one that meets these four bytes.
  for (let i = 0; i < 4; i++) wordBytes[tailBytes + i]! ^= register >>> (8 * i);
  clearWords(0, length - tailBytes);
  const w = words;
  const cleared = length >>> 2;
  const end = cleared + foldDegree;
  // The tail takes what the cleared words hand on, and hands nothing on itself.
  for (let i = cleared; i < end; i++) {
    let word = w[i]! ^ w[i - 209]!;
    if (i - 65 < cleared) word ^= w[i - 65]!;
    if (i - 155 < cleared) word ^= w[i - 155]!;
    if (i - 170 < cleared) word ^= w[i - 170]!;
    if (i - 195 < cleared) word ^= w[i - 195]!;
    w[i] = word;
  }
  return slice(wordBytes, cleared * 4, end * 4, 0);
}

/** The register after the bytes from `start` to `end`, by tables. */
function slice(bytes: Uint8Array, start: number, end: number, register: number): number {
  // A local constant spares the engine a look-up of the module's binding at every byte.
  const table = tables;
  let crc = register;
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
  return crc;
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
