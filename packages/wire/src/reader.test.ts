import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import * as fc from 'fast-check';
import { stringBytesMax } from './defaults.ts';
import { Reader } from './reader.ts';
import { varintBytes, varlongBytes, Writer } from './writer.ts';

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'binary', maxLength: 50 });

/** Each primitive: what it writes, how it is read, and which values it takes. */
const primitives: { [name: string]: [fc.Arbitrary<never>, (w: Writer, value: never) => void, (r: Reader) => unknown] } =
  {
    BOOLEAN: primitive(
      fc.boolean(),
      (w, v) => w.boolean(v),
      (r) => r.boolean(),
    ),
    INT8: primitive(
      int(8),
      (w, v) => w.int8(v),
      (r) => r.int8(),
    ),
    INT16: primitive(
      int(16),
      (w, v) => w.int16(v),
      (r) => r.int16(),
    ),
    UINT16: primitive(
      fc.nat(0xffff),
      (w, v) => w.int16(v),
      (r) => r.uint16(),
    ),
    INT32: primitive(
      int(32),
      (w, v) => w.int32(v),
      (r) => r.int32(),
    ),
    UINT32: primitive(
      fc.nat(0xffffffff),
      (w, v) => w.int32(v),
      (r) => r.uint32(),
    ),
    INT64: primitive(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (w, v) => w.int64(v),
      (r) => r.int64(),
    ),
    'INT64 as a number': primitive(
      fc.maxSafeInteger(),
      (w, v) => w.int64FromNumber(v),
      (r) => r.int64AsNumber(),
    ),
    FLOAT64: primitive(
      fc.double(),
      (w, v) => w.float64(v),
      (r) => r.float64(),
    ),
    UUID: primitive(
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('hex')),
      (w, v) => w.uuid(v),
      (r) => r.uuid(),
    ),
    'unsigned VARINT': primitive(
      fc.nat(0xffffffff),
      (w, v) => w.unsignedVarint(v),
      (r) => r.unsignedVarint(),
    ),
    VARINT: primitive(
      int(32),
      (w, v) => w.varint(v),
      (r) => r.varint(),
    ),
    VARLONG: primitive(
      fc.maxSafeInteger(),
      (w, v) => w.varlong(v),
      (r) => r.varlong(),
    ),
    STRING: primitive(
      text,
      (w, v) => w.string(v),
      (r) => r.string(),
    ),
    NULLABLE_STRING: primitive(
      fc.option(text),
      (w, v) => w.string(v),
      (r) => r.nullableString(),
    ),
    COMPACT_STRING: primitive(
      text,
      (w, v) => w.compactString(v),
      (r) => r.compactString(),
    ),
    COMPACT_NULLABLE_STRING: primitive(
      fc.option(text),
      (w, v) => w.compactString(v),
      (r) => r.compactNullableString(),
    ),
    BYTES: primitive(
      bytes,
      (w, v) => w.bytes(v),
      (r) => r.bytes(),
    ),
    NULLABLE_BYTES: primitive(
      fc.option(bytes),
      (w, v) => w.bytes(v),
      (r) => r.nullableBytes(),
    ),
    COMPACT_BYTES: primitive(
      bytes,
      (w, v) => w.compactBytes(v),
      (r) => r.compactBytes(),
    ),
    COMPACT_NULLABLE_BYTES: primitive(
      fc.option(bytes),
      (w, v) => w.compactBytes(v),
      (r) => r.compactNullableBytes(),
    ),
    "a record's field": primitive(
      fc.option(bytes),
      (w, v) => w.varintBytes(v),
      (r) => r.varintBytes(),
    ),
    ARRAY: primitive(
      fc.option(fc.array(int(16))),
      (w, v) => w.array(v, (item) => w.int16(item)),
      (r) => r.nullableArray(() => r.int16()),
    ),
    COMPACT_ARRAY: primitive(
      fc.option(fc.array(int(16))),
      (w, v) => w.compactArray(v, (item) => w.int16(item)),
      (r) => r.compactNullableArray(() => r.int16()),
    ),
    TAG_BUFFER: primitive(
      fc.array(fc.record({ tag: fc.nat(), bytes }, { noNullPrototype: true })),
      (w, v) => w.taggedFields(v),
      (r) => {
        const fields: unknown[] = [];
        r.taggedFields((tag, bytes) => fields.push({ tag, bytes }));
        return fields;
      },
    ),
  };

function primitive<Value>(
  values: fc.Arbitrary<Value>,
  write: (writer: Writer, value: Value) => void,
  read: (reader: Reader) => unknown,
): (typeof primitives)[string] {
  return [values, write, read] as unknown as (typeof primitives)[string];
}

for (const [name, [values, write, read]] of Object.entries(primitives)) {
  test(`${name} is read as it was written, and cut short it is the reader's code`, () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const writer = new Writer(1);
        write(writer, value);
        const written = writer.finish();
        const reader = new Reader(written);
        assert.deepEqual(read(reader), value);
        assert.equal(reader.remaining, 0);
        assert.throws(
          () => read(new Reader(written, 0, cut % written.length, 'CORRUPT_RECORD')),
          (error) => ThroughlineError.is(error, 'CORRUPT_RECORD'),
        );
      }),
    );
  });

  test(`${name} from any bytes is a value or a coded error`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (noise) => {
        try {
          read(new Reader(noise));
        } catch (error) {
          assert.ok(ThroughlineError.is(error, 'INVALID_ARGUMENT'), String(error));
        }
      }),
    );
  });
}

// A compact string of 40,000 bytes became the id of a group, and ended the broker when it was to be the key of a record.
for (const [name, length] of [
  ['STRING', (w: Writer, bytes: number) => w.int16(bytes)],
  ['COMPACT_STRING', (w: Writer, bytes: number) => w.unsignedVarint(bytes + 1)],
] as const) {
  test(`${name} is taken up to 32,767 bytes, as it can be written again`, () => {
    const written = (text: Uint8Array): Uint8Array => {
      const writer = new Writer();
      length(writer, text.length);
      writer.raw(text);
      return writer.finish();
    };
    const [, , read] = primitives[name]!;
    const longest = 'g'.repeat(stringBytesMax);
    assert.equal(read(new Reader(written(Buffer.from(longest)))), longest);
    const tooLong = [
      Buffer.alloc(stringBytesMax + 1, 'g'),
      Buffer.alloc(40_000, 'g'),
      // No UTF-8: each byte becomes U+FFFD, which has three bytes.
      Buffer.alloc(Math.ceil(stringBytesMax / 3) + 1, 0xff),
    ];
    for (const text of tooLong) {
      assert.throws(
        () => read(new Reader(written(text))),
        (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'),
      );
    }
  });
}

test('the size of a varint and of a varlong is what is written', () => {
  const sizeOf = (write: (writer: Writer) => void): number => {
    const writer = new Writer();
    write(writer);
    return writer.position;
  };
  fc.assert(
    fc.property(int(32), (value) =>
      assert.equal(
        varintBytes(value),
        sizeOf((writer) => writer.varint(value)),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) =>
      assert.equal(
        varlongBytes(value),
        sizeOf((writer) => writer.varlong(value)),
      ),
    ),
  );
  for (let bits = 0; bits < 53; bits++) {
    for (const value of [2 ** bits, 2 ** bits - 1, -(2 ** bits), -(2 ** bits) - 1]) {
      assert.equal(
        varlongBytes(value),
        sizeOf((writer) => writer.varlong(value)),
        String(value),
      );
    }
  }
});

test('a varint that goes on for too long is rejected', () => {
  const endless = new Uint8Array(20).fill(0xff);
  assert.throws(() => new Reader(endless).varint(), /longer than 32 bits/);
  assert.throws(() => new Reader(endless).varlong(), /longer than 64 bits/);
});

test('null where a value is required, and a string that is too long, are rejected', () => {
  const writer = new Writer();
  writer.string(null);
  assert.throws(() => new Reader(writer.finish()).string(), /null/);
  assert.throws(() => new Writer().string('x'.repeat(40_000)), /too long/);
});

test('a string that begins with a byte order mark keeps it', () => {
  // Two group ids that differ in it only were one.
  for (const value of ['\ufeffgroup', '\ufeff', 'a\ufeff', '\ufeff\ufeff']) {
    const to = new Writer();
    to.string(value);
    to.compactString(value);
    const from = new Reader(to.finish());
    assert.equal(from.string(), value);
    assert.equal(from.compactString(), value);
  }
});
