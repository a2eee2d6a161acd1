import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import type { LanguageModelUsage } from 'ai';
import { messageMetadata, replyMetadata } from './metadata.ts';

const used = (
  inputTokens: number | undefined,
  outputTokens: number | undefined,
  cacheReadTokens?: number,
): LanguageModelUsage => ({
  inputTokens,
  outputTokens,
  totalTokens: undefined,
  inputTokenDetails: { noCacheTokens: undefined, cacheReadTokens, cacheWriteTokens: undefined },
  outputTokenDetails: { textTokens: undefined, reasoningTokens: undefined },
});

test('the docs model costs nothing', () => {
  assert.deepEqual(replyMetadata('docs', used(3, 40), {}), {
    model: 'docs',
    usage: { inputTokens: 3, outputTokens: 40 },
    costUsd: 0,
  });
});

test('a price makes a cost, cached input at its own price', () => {
  const prices = { m: { inputUsd: 2, outputUsd: 10, cachedInputUsd: 0.5 } };
  assert.equal(replyMetadata('m', used(1_000_000, 100_000), prices).costUsd, 3);
  assert.equal(replyMetadata('m', used(1_000_000, 100_000, 400_000), prices).costUsd, 2.4);
});

test('without a price or without counts there is no cost, rather than a wrong one', () => {
  assert.equal('costUsd' in replyMetadata('m', used(1, 1), {}), false);
  assert.equal('costUsd' in replyMetadata('m', used(undefined, 1), { m: { inputUsd: 1, outputUsd: 1 } }), false);
  assert.deepEqual(replyMetadata('m', used(undefined, undefined), {}).usage, {});
});

test('only the last chunk of a reply carries metadata', () => {
  const of = messageMetadata({ modelId: 'docs' }, {});
  assert.equal(of({ part: { type: 'start' } }), undefined);
  const part = { type: 'finish', finishReason: 'stop', rawFinishReason: undefined, totalUsage: used(1, 2) } as const;
  assert.equal(of({ part })?.model, 'docs');
});

test('prices that cannot be used are rejected by name', (t) => {
  t.after(() => delete process.env['THROUGHLINE_MODEL_PRICES']);
  for (const json of ['{', '[]', '{"m": {"inputUsd": -1, "outputUsd": 0}}']) {
    process.env['THROUGHLINE_MODEL_PRICES'] = json;
    assert.throws(
      () => messageMetadata({ modelId: 'm' }),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
    );
  }
});
