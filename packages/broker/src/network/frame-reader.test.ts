import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FrameReader } from './frame-reader.ts';

function framed(...payloads: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    payloads.flatMap((payload) => {
      const size = Buffer.alloc(4);
      size.writeInt32BE(payload.length);
      return [size, payload];
    }),
  );
}

function allOf(reader: FrameReader): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame);
  return frames;
}

test('frames come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat(60)), (payloads, cuts) => {
      const bytes = framed(...payloads);
      const reader = new FrameReader();
      const frames: Uint8Array[] = [];
      let from = 0;
      for (const cut of [...cuts, bytes.length]) {
        reader.push(bytes.slice(from, from + cut));
        from += cut;
        frames.push(...allOf(reader));
      }
      assert.deepEqual(
        frames.map((frame) => [...frame]),
        payloads.map((payload) => [...payload]),
      );
      assert.equal(reader.pendingBytes, 0);
      assert.equal(reader.isWithinFrame, false);
    }),
  );
});

test('a frame that fills most of its chunk is not copied', () => {
  const chunk = framed(new Uint8Array(100));
  const reader = new FrameReader();
  reader.push(chunk);
  assert.equal(reader.next()?.buffer, chunk.buffer);
});

test('a small frame of a large chunk does not keep the chunk alive', () => {
  const chunk = framed(new Uint8Array(100), new Uint8Array(1000));
  const reader = new FrameReader();
  reader.push(chunk);
  assert.equal(reader.next()?.buffer.byteLength, 100);
  assert.equal(reader.next()?.buffer, chunk.buffer);
});

test('a frame of several chunks is copied once into bytes of its size', () => {
  const payload = Uint8Array.from({ length: 300 }, (_, i) => i);
  const bytes = framed(payload);
  const reader = new FrameReader();
  for (let at = 0; at < bytes.length; at += 70) reader.push(bytes.slice(at, at + 70));
  const frame = reader.next();
  assert.deepEqual([...(frame ?? [])], [...payload]);
  assert.equal(frame?.buffer.byteLength, 300);
});

test('the size of a frame is known before anything is made of that size', () => {
  const reader = new FrameReader();
  reader.push(Uint8Array.of(0x7f, 0xff));
  assert.equal(reader.nextSizeBytes(), undefined);
  reader.push(Uint8Array.of(0xff, 0xff));
  assert.equal(reader.nextSizeBytes(), 0x7fffffff);
  assert.equal(reader.pendingBytes, 4);
});
