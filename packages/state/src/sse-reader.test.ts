import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@throughline/event';
import * as fc from 'fast-check';
import { readSse, sseParser, type SseEvent } from './sse-reader.ts';

const limit = { eventCharactersMax: 1_000 };

function bodyOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function read(pieces: readonly Uint8Array[]): Promise<SseEvent[]> {
  const all: SseEvent[] = [];
  for await (const events of readSse(bodyOf(pieces), limit)) all.push(...events);
  return all;
}

test('fields, comments, several data lines and the last id are read as the standard says', () => {
  const parser = sseParser(1_000);
  assert.deepEqual(
    parser(': hi\nid: 1\nevent: a\ndata: x\ndata:y\n\ndata\n\n\nevent: nothing\n\nretry: 5\nid\ndata:  z\n\n'),
    [
      { event: 'a', data: 'x\ny', id: '1' },
      { event: 'message', data: '', id: '1' },
      { event: 'message', data: ' z', id: '' },
    ],
  );
});

test('any bytes cut anywhere, with any line ends, give the same events', async () => {
  const field = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((value) => !/[\r\n\0]/.test(value));
  const events = fc.array(fc.record({ data: field, id: field }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(events, fc.constantFrom('\n', '\r\n', '\r'), fc.array(fc.nat(200)), async (list, end, cuts) => {
      const text = list.map(({ data, id }) => `id: ${id}${end}data: ${data}${end}${end}`).join('');
      const bytes = utf8(text);
      const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = places.slice(1).map((place, index) => bytes.slice(places[index], place));
      assert.deepEqual(
        await read(pieces),
        list.map(({ data, id }) => ({ event: 'message', data, id })),
      );
    }),
  );
});

test('an event that is not complete at the end is no event', async () => {
  assert.deepEqual(await read([utf8('data: whole\n\ndata: half\n')]), [
    { event: 'message', data: 'whole', id: undefined },
  ]);
});

test('an event without an end is rejected at the limit, in one line or in many', async () => {
  for (const piece of ['data: ' + 'x'.repeat(300), 'data: ' + 'x'.repeat(300) + '\n'])
    await assert.rejects(read(Array.from({ length: 5 }, () => utf8(piece))), { code: 'BODY_TOO_LARGE' });
});

test('a body that fails is a connection that was cut', async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new TypeError('terminated')) });
  await assert.rejects(readSse(body, limit).next(), { code: 'SERVER_UNREACHABLE' });
});

test('leaving early cancels the body', async () => {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(utf8('data: 1\n\n')),
    cancel: () => void (isCancelled = true),
  });
  for await (const events of readSse(body, limit)) {
    assert.equal(events.length, 1);
    break;
  }
  assert.equal(isCancelled, true);
});
