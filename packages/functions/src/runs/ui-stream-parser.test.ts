import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { UiChunk } from '@throughline/event';
import { UiStreamParser } from './ui-stream-parser.ts';

const { JsonToSseTransformStream } = await import('ai');

function parse(text: string, lengthMax = 1000): { chunks: UiChunk[]; problem: string | undefined } {
  const parser = new UiStreamParser(lengthMax);
  const chunks = parser.push(Buffer.from(text)).map(({ chunk }) => chunk);
  parser.end();
  return { chunks, problem: parser.problem };
}

test('what the AI SDK writes is read, however it is split, also inside a character', async () => {
  const chunkArbitrary = fc.record(
    {
      type: fc.constant('text-delta'),
      id: fc.constant('1'),
      delta: fc.string({ unit: 'grapheme' }),
    },
    { noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(chunkArbitrary), fc.integer({ min: 1, max: 7 }), async (chunks, size) => {
      const stream = new JsonToSseTransformStream();
      const written = new Response(stream.readable.pipeThrough(new TextEncoderStream())).bytes();
      const writer = stream.writable.getWriter();
      for (const chunk of chunks) await writer.write(chunk);
      await writer.close();
      const bytes = Buffer.from(await written);
      const parser = new UiStreamParser(10_000);
      const read: UiChunk[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        read.push(...parser.push(bytes.subarray(start, start + size)).map(({ chunk }) => chunk));
      }
      parser.end();
      assert.equal(parser.problem, undefined);
      assert.ok(parser.isDone);
      assert.deepEqual(read, chunks);
    }),
    { numRuns: 50 },
  );
});

test('comments, other fields, carriage returns, several data lines and a byte order mark are as the standard says', () => {
  const { chunks, problem } = parse(
    '\uFEFF: ping\r\nevent: x\r\nid: 7\r\ndata: {"type":\r\ndata:"start"}\r\n\r\n\n\ndata: [DONE]\n\n',
  );
  assert.equal(problem, undefined);
  assert.deepEqual(chunks, [{ type: 'start' }]);
});

const rejected: [string, string, RegExp][] = [
  ['no event', 'hello\n\n', /no server-sent event: "hello"/],
  ['no JSON', 'data: {\n\n', /no JSON/],
  ['no object', 'data: 7\n\n', /no JSON object/],
  ['a chunk without a type', 'data: {"id":"1"}\n\n', /no type/],
  ['a delta without its text', 'data: {"type":"text-delta","id":"1"}\n\n', /needs the strings "id" and "delta"/],
  ['an error without its text', 'data: {"type":"error"}\n\n', /no errorText/],
  ['more after [DONE]', 'data: [DONE]\n\ndata: {"type":"start"}\n\n', /follows \[DONE\]/],
  ['half an event', 'data: {"type":"start"}\n', /in the middle of an event/],
  ['half a line', 'data: {"type"', /in the middle of an event/],
];
for (const [what, text, problem] of rejected) {
  test(`${what} is rejected`, () => assert.match(parse(text).problem ?? '', problem));
}

test('a chunk above the limit is rejected before all of it has come', () => {
  const parser = new UiStreamParser(100);
  parser.push(Buffer.from(`data: "${'x'.repeat(200)}`));
  assert.match(parser.problem ?? '', /limit of 100/);
  const lines = new UiStreamParser(100);
  for (let index = 0; index < 100; index++) lines.push(Buffer.from('data: xxxxxxxxxx\n'));
  assert.match(lines.problem ?? '', /limit of 100/);
});

test('no bytes whatever make it throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (pieces) => {
      const parser = new UiStreamParser(1000);
      for (const piece of pieces) parser.push(Buffer.from(piece));
      parser.end();
    }),
  );
});
