import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, utf8 } from '@throughline/event';
import * as fc from 'fast-check';
import { foldDistances } from './crc32c-fold.ts';
import { crc32c } from './crc32c.ts';

// RFC 3720 appendix B.4 (its bytes are shown in the order of transmission, hence the reversed look), and the usual check.
const iscsiRead = Uint8Array.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000000'
    .padEnd(96, '0')
    .match(/../g)!,
  (pair) => Number.parseInt(pair, 16),
);
const vectors: readonly (readonly [string, Uint8Array, number])[] = [
  ['nothing', new Uint8Array(0), 0],
  ['"123456789"', utf8('123456789'), 0xe3069283],
  ['32 bytes of zeroes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 bytes counting up', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 bytes counting down', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['an iSCSI SCSI read command', iscsiRead, 0xd9963a56],
];
for (const [name, bytes, crc] of vectors) {
  test(`CRC-32C of ${name} is ${crc.toString(16)}`, () => assert.equal(crc32c(bytes), crc));
}

/** Bit by bit, as the definition says it. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test('any range of any bytes has the checksum that the definition gives, in one piece or in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), fc.nat(100), (bytes, a, b, c) => {
      const [start, middle, end] = [a, b, c].map((n) => Math.min(n, bytes.length)).sort((x, y) => x - y) as [
        number,
        number,
        number,
      ];
      assert.equal(crc32c(bytes, start, end), slow(bytes.subarray(start, end)));
      assert.equal(crc32c(bytes, middle, end, crc32c(bytes, start, middle)), crc32c(bytes, start, end));
    }),
  );
});

test('the multiple that folding relies on is a multiple of the polynomial', () => {
  // x^(32k) modulo P is what a message of a single one bit and k words of zeroes behind it leaves in the register.
  const power = (words: number): number => {
    let register = 0x80000000;
    for (let bit = 0; bit < 32 * words; bit++) {
      register = (register & 1) === 1 ? ((register >>> 1) ^ 0x82f63b78) >>> 0 : register >>> 1;
    }
    return register;
  };
  const degree = Math.max(...foldDistances);
  const terms = [degree, ...foldDistances.map((distance) => degree - distance)];
  assert.equal(terms.reduce((sum, words) => sum ^ power(words), 0) >>> 0, 0);
});

test('long bytes have the same checksum folded as bit by bit, from any start to any end, in one piece or in two', () => {
  const bytes = seededRandom(1).bytes(140_000);
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(140_000), fc.nat(140_000), (start, a, b) => {
      const middle = Math.max(start, Math.min(a, b));
      const end = Math.max(start, Math.max(a, b));
      const whole = slow(bytes.subarray(start, end));
      assert.equal(crc32c(bytes, start, end), whole);
      assert.equal(crc32c(bytes, middle, end, crc32c(bytes, start, middle)), whole);
    }),
    { numRuns: 40 },
  );
  for (const length of [2047, 2048, 2049, 2051, 2064, 32_767, 32_768, 32_769, 65_536, 65_537]) {
    assert.equal(crc32c(bytes, 7, 7 + length), slow(bytes.subarray(7, 7 + length)), String(length));
  }
});
