import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cuttableFetch } from './cuttable-fetch.ts';

/** A server whose answers never end until their request is aborted. */
const endless: typeof fetch = (_input, init) =>
  Promise.resolve(
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array([1]));
          init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
        },
      }),
    ),
  );

test('a cut fails what is under way and what begins while it lasts, and nothing after', async () => {
  let nowMs = 0;
  const wire = cuttableFetch(endless, () => nowMs);
  const response = await wire.fetch('/stream');
  const reading = response.arrayBuffer();
  wire.cut(3_000);
  await assert.rejects(reading, /the connection is cut/);
  nowMs = 2_999;
  await assert.rejects(wire.fetch('/stream'), /the connection is cut/);
  nowMs = 3_000;
  const again = await wire.fetch('/stream');
  assert.equal(again.status, 200);
  await again.body?.cancel();
});

test("the caller's own signal still counts", async () => {
  const wire = cuttableFetch(endless, () => 0);
  const caller = new AbortController();
  const response = await wire.fetch('/stream', { signal: caller.signal });
  const reading = response.arrayBuffer();
  caller.abort(new Error('left'));
  await assert.rejects(reading, /left/);
});
