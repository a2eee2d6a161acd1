// Our decoders of lz4 and snappy, judged by another implementation's encoders (WebAssembly, as @platformatic/kafka ships
// them), by vectors of the lz4 command, and by bytes that are damaged or lie.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, utf8 } from '@throughline/event';
import { compressionsAlgorithms } from '@platformatic/kafka';
import * as fc from 'fast-check';
import { decompress } from './compression.ts';

const bytesMax = 8 * 1024 * 1024;

/** Text that repeats itself near and far, and noise that does not. */
const content: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 5000 })).map(repeated),
    ),
    { maxLength: 12 },
  )
  // Of nothing the other implementation makes nothing.
  .map((parts) => Buffer.concat([...parts, ...parts.toReversed(), Uint8Array.of(7)]));

function repeated([piece, times]: readonly [Uint8Array, number]): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => piece));
}

/** snappy-java's framing around raw chunks. */
function xerial(bytes: Uint8Array, chunkBytes: number): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1)];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = packed.snappy(bytes.subarray(at, at + chunkBytes));
    const size = Buffer.alloc(4);
    size.writeInt32BE(chunk.length);
    parts.push(size, chunk);
  }
  return Buffer.concat(parts);
}

const packed = { lz4: packedWith('lz4'), snappy: packedWith('snappy') };

function packedWith(codec: 'lz4' | 'snappy'): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const pack = (): Uint8Array => compressionsAlgorithms[codec].compressSync(Buffer.from(bytes));
    try {
      return pack();
    } catch (error) {
      // Its memory has grown under its own view of it; now it is large enough.
      assert.ok(error instanceof TypeError, String(error));
      return pack();
    }
  };
}

for (const codec of ['lz4', 'snappy'] as const) {
  test(`what another implementation packs with ${codec} comes out as it went in`, () => {
    fc.assert(
      fc.property(content, (bytes) => {
        assert.deepEqual(Buffer.from(decompress(codec, packed[codec](bytes), bytesMax)), Buffer.from(bytes));
      }),
      { numRuns: 200 },
    );
  });

  test(`damaged ${codec} is rejected or unpacks to something within the limit, and never anything else`, () => {
    fc.assert(
      fc.property(
        content,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (bytes, flips, cut) => {
          const damaged = Uint8Array.from(packed[codec](bytes));
          for (const [at, bits] of flips) damaged[at % damaged.length]! ^= bits;
          const end = damaged.length - (cut % 3 === 0 ? cut % damaged.length : 0);
          try {
            assert.ok(decompress(codec, damaged.subarray(0, end), 100_000).length <= 100_000);
          } catch (error) {
            assert.ok(ThroughlineError.is(error, 'INVALID_RECORD'), String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test(`what ${codec} would unpack beyond the limit is rejected`, () => {
    const bomb = packed[codec](new Uint8Array(1_000_000));
    assert.ok(bomb.length < 60_000);
    assert.equal(decompress(codec, bomb, 1_000_000).length, 1_000_000);
    assert.throws(() => decompress(codec, bomb, 999_999), isInvalid);
  });
}

test('xerial chunks are joined', () => {
  fc.assert(
    fc.property(content, fc.integer({ min: 1, max: 40_000 }), (bytes, chunkBytes) => {
      assert.deepEqual(Buffer.from(decompress('snappy', xerial(bytes, chunkBytes), bytesMax)), Buffer.from(bytes));
    }),
    { numRuns: 50 },
  );
});

test('lz4 frames with linked blocks, checksums and a size, one after the other, with a skippable one between', () => {
  const text = utf8('conversation '.repeat(6000));
  // lz4 -c -BD -B4 -BX --content-size, and without options, of the text above.
  const linked = Buffer.from(
    'BCJNGFxAsDABAAAAAACUFwEAAN9jb252ZXJzYXRpb24gDQD/////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////21BuIGNvboZeIYQ6AAAAD/3/////////////////////////////////////////////////////////////////yFB0aW9uIFv9uYAAAAAAVc53Eg==',
    'base64',
  );
  const plain = Buffer.from(
    'BCJNGGRQCEgBAADfY29udmVyc2F0aW9uIA0A//////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////+8UHRpb24gAAAAAFXOdxI=',
    'base64',
  );
  const skippable = Buffer.from('5a2a4d1803000000616263', 'hex');
  const both = decompress('lz4', Buffer.concat([linked, skippable, plain]), bytesMax);
  assert.deepEqual(Buffer.from(both), Buffer.concat([text, text]));
});

test('a claim of gigabytes costs no memory, and a copy from before the beginning is rejected', () => {
  const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
  assert.throws(() => decompress('snappy', bytes('ffffffff0f00'), 2 ** 31), isInvalid);
  assert.throws(() => decompress('snappy', bytes('0800610505'), 100), isInvalid);
  assert.throws(
    () => decompress('lz4', bytes('04224d184040c0 03000000 1061ff 00'.replaceAll(' ', '')), 100),
    isInvalid,
  );
  assert.throws(() => decompress('lz4', bytes('04224d18'), 100), isInvalid);
});

function isInvalid(error: unknown): boolean {
  return ThroughlineError.is(error, 'INVALID_RECORD');
}
