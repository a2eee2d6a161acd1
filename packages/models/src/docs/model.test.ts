import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { ThroughlineError, type Clock } from '@throughline/event';
import { streamText } from 'ai';
import { docsModel } from './model.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-docs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'guides'));
  writeFileSync(
    path.join(folder, 'guides', 'crash.md'),
    '# Crashes\n\n## Torn tail\n\nA torn tail is truncated, see [the log](../log.md#layout), [out](../../x.md), `[a](b)`.\n',
  );
  writeFileSync(
    path.join(folder, 'log.md'),
    '# Log\n\n## Layout\n\nSegments hold record batches.\n\n## Pace\n\nEvery hour.\n',
  );
  return folder;
}

function call(...questions: string[]): LanguageModelV4CallOptions {
  return { prompt: questions.map((text) => ({ role: 'user' as const, content: [{ type: 'text' as const, text }] })) };
}

async function partsOf(model: ReturnType<typeof docsModel>, options: LanguageModelV4CallOptions) {
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of (await model.doStream(options)).stream) parts.push(part);
  return parts;
}

function textOf(parts: readonly LanguageModelV4StreamPart[]): string {
  return parts.flatMap((part) => (part.type === 'text-delta' ? [part.delta] : [])).join('');
}

test('an answer quotes the passage, links to its file and heading, and gives it as a source', async (t) => {
  const parts = await partsOf(docsModel({ folder: folderOf(t), paceMs: 0 }), call('What becomes of a torn tail?'));
  assert.equal(
    textOf(parts),
    'This passage of the documents matches your question best:\n\n' +
      '**[guides/crash.md › Torn tail](/docs/guides/crash.md#torn-tail)**\n\n' +
      '> A torn tail is truncated, see [the log](/docs/log.md#layout), out, `[a](b)`.',
  );
  assert.deepEqual(
    parts.filter((part) => part.type === 'source'),
    [
      {
        type: 'source',
        sourceType: 'url',
        id: '/docs/guides/crash.md#torn-tail',
        url: '/docs/guides/crash.md#torn-tail',
        title: 'guides/crash.md › Torn tail',
      },
    ],
  );
  assert.ok(parts.filter((part) => part.type === 'text-delta').length > 10, 'the answer streams in small chunks');
});

test('a question that nothing matches gets a plain no, without a source', async (t) => {
  const parts = await partsOf(docsModel({ folder: folderOf(t), paceMs: 0 }), call('What is the capital of France?'));
  assert.match(textOf(parts), /^Nothing in the 2 documents answers that\./);
  assert.ok(parts.every((part) => part.type !== 'source'));
});

test('the same folder and the same questions give the same stream parts, byte for byte, in another process image too', async (t) => {
  const folder = folderOf(t);
  const questions = call('segments', 'What of a torn tail and its log layout?');
  const first = JSON.stringify(await partsOf(docsModel({ folder, paceMs: 0 }), questions));
  const model = docsModel({ folder, paceMs: 0 });
  await partsOf(model, call('something else'));
  assert.equal(JSON.stringify(await partsOf(model, questions)), first);
});

test('a follow-up without words of its own goes on with the subject of the question before', async (t) => {
  const model = docsModel({ folder: folderOf(t), paceMs: 0 });
  const parts = await partsOf(model, call('What happens to a torn tail?', 'And why is that?'));
  assert.match(textOf(parts), /guides\/crash\.md › Torn tail/);
});

test('a document that changes between two questions is read again', async (t) => {
  const folder = folderOf(t);
  const model = docsModel({ folder, paceMs: 0 });
  assert.match(textOf(await partsOf(model, call('zebra'))), /^Nothing/);
  writeFileSync(path.join(folder, 'zebra.md'), '# Zebra\n\nStriped.');
  assert.match(textOf(await partsOf(model, call('zebra'))), /Striped/);
});

/** A clock that jumps to whatever it is asked to wait for, and notes it. */
function noteWaits(waits: number[]): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, action) {
      waits.push(delayMs);
      nowMs += delayMs;
      queueMicrotask(action);
      return { cancel() {} };
    },
  };
}

test('the first word comes at once, the others at the set pace', async (t) => {
  const waits: number[] = [];
  const clock = noteWaits(waits);
  const parts = await partsOf(docsModel({ folder: folderOf(t), paceMs: 15, clock }), call('torn tail'));
  const words = parts.filter((part) => part.type === 'text-delta').length;
  assert.deepEqual(
    waits,
    Array.from({ length: words - 1 }, () => 15),
  );
});

test('what a killed attempt has shown is written again at once, and the pace holds from there on', async (t) => {
  const waits: number[] = [];
  const model = docsModel({ folder: folderOf(t), paceMs: 15, clock: noteWaits(waits) });
  const whole = await partsOf(model, call('torn tail'));
  const standing = textOf(whole).slice(0, 40);
  const waitsOfWhole = waits.splice(0).length;
  const again = await partsOf(model, {
    ...call('torn tail'),
    providerOptions: { throughline: { standingCharacters: standing.length } },
  });
  assert.deepEqual(again, whole, 'the very same parts');
  const standingWords = (standing.match(/\s*\S+/g) ?? []).length;
  // All that the reader does not have; of the whole, the first word waits for nothing.
  assert.equal(waits.length, waitsOfWhole + 1 - standingWords);
});

test('an abort ends the stream at once, in the middle of a pause', async (t) => {
  const abort = new AbortController();
  const model = docsModel({ folder: folderOf(t), paceMs: 3_600_000 });
  const { stream } = await model.doStream({ ...call('torn tail'), abortSignal: abort.signal });
  const reader = stream.getReader();
  // Up to the first word, which waits for nothing.
  for (let type = ''; type !== 'text-delta';) type = (await reader.read()).value?.type ?? 'text-delta';
  const pending = reader.read();
  abort.abort(new DOMException('stop', 'AbortError'));
  await assert.rejects(pending, { name: 'AbortError' });
});

test('tokens are counted the same way in the question and in the answer, and a limit ends the answer with length', async (t) => {
  const model = docsModel({ folder: folderOf(t), paceMs: 0 });
  const whole = (await partsOf(model, call('torn tail?'))).at(-1);
  assert.ok(whole?.type === 'finish' && (whole.usage.outputTokens.total ?? 0) > 20);
  assert.equal(whole.usage.inputTokens.total, 3);
  const cut = (await partsOf(model, { ...call('torn tail?'), maxOutputTokens: 10 })).at(-1);
  assert.ok(cut?.type === 'finish' && cut.finishReason.unified === 'length');
  assert.ok((cut.usage.outputTokens.total ?? 0) <= 10);
});

test('generating gives the same text as streaming', async (t) => {
  const model = docsModel({ folder: folderOf(t), paceMs: 0 });
  const { content, usage } = await model.doGenerate(call('torn tail'));
  const parts = await partsOf(model, call('torn tail'));
  assert.ok(content[0]?.type === 'text');
  assert.equal(content[0].text, textOf(parts));
  const finish = parts.at(-1);
  assert.deepEqual(finish?.type === 'finish' ? finish.usage : undefined, usage);
});

test('streamText takes the model as it is and turns sources into parts of the UI message', async (t) => {
  const result = streamText({ model: docsModel({ folder: folderOf(t), paceMs: 0 }), prompt: 'torn tail' });
  const types = new Set<string>();
  for await (const chunk of result.toUIMessageStream({ sendSources: true })) types.add(chunk.type);
  for (const type of ['start', 'text-start', 'text-delta', 'text-end', 'source-url', 'finish'])
    assert.ok(types.has(type), type);
});

test('a folder without documents fails with its code and a remedy', async () => {
  const model = docsModel({ folder: path.join(tmpdir(), 'no such folder'), paceMs: 0 });
  await assert.rejects(
    async () => partsOf(model, call('x')),
    (error) => {
      assert.ok(ThroughlineError.is(error, 'DOCS_UNREADABLE'));
      return error.remedy.includes('--docs');
    },
  );
});
