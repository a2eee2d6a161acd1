import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeFrame, FrameDecoder, frameTypes, type Frame, type FrameType } from './framed-pipe.ts';

const frameArbitrary = fc.record(
  {
    type: fc.constantFrom(...(Object.keys(frameTypes) as FrameType[])),
    invocation: fc.nat(0xffffffff),
    payload: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);

test('frames come out as they went in, however the bytes are split', () => {
  fc.assert(
    fc.property(fc.array(frameArbitrary, { maxLength: 8 }), fc.array(fc.nat(200), { minLength: 1 }), (frames, cuts) => {
      const bytes = Buffer.concat(
        frames.map(({ type, invocation, payload }) => encodeFrame(type, invocation, payload)),
      );
      const decoder = new FrameDecoder(300);
      const decoded: Frame[] = [];
      for (let start = 0, index = 0; start < bytes.length; index++) {
        const end = start + 1 + cuts[index % cuts.length]!;
        decoded.push(...decoder.push(bytes.subarray(start, end)));
        start = end;
      }
      assert.equal(decoder.problem, undefined);
      assert.deepEqual(
        decoded.map(({ type, invocation, payload }) => ({ type, invocation, payload: new Uint8Array(payload) })),
        frames,
      );
    }),
  );
});

test('whatever bytes come, the decoder neither throws nor keeps more than a frame', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 50 }), (pieces) => {
      const decoder = new FrameDecoder(64);
      for (const piece of pieces) {
        for (const frame of decoder.push(Buffer.from(piece))) assert.ok(frame.payload.length <= 64);
        if (decoder.problem !== undefined) assert.deepEqual(decoder.push(encodeFrame('ready', 0)), []);
      }
    }),
  );
});

test('a frame above the limit is rejected by its length, before its payload has come', () => {
  const decoder = new FrameDecoder(10);
  assert.deepEqual(decoder.push(encodeFrame('data', 1, Buffer.alloc(11)).subarray(0, 4)), []);
  assert.match(decoder.problem ?? '', /16 bytes/);
});

test('an unknown type is rejected, and the frames before it are kept', () => {
  const decoder = new FrameDecoder(10);
  const bad = encodeFrame('ready', 0);
  bad.writeUInt8(99, 4);
  assert.equal(decoder.push(Buffer.concat([encodeFrame('ready', 0), bad])).length, 1);
  assert.match(decoder.problem ?? '', /unknown type 99/);
});
