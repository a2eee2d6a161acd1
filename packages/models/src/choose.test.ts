import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { languageModel } from './choose.ts';

const openAI = {
  THROUGHLINE_MODEL: 'openai-compatible',
  THROUGHLINE_MODEL_URL: 'http://127.0.0.1:1/v1',
  THROUGHLINE_MODEL_ID: 'm',
};

test('the docs model is the default, and a folder that is not there yet waits for the first question', async () => {
  const warnings: string[] = [];
  const logger = {
    debug() {},
    info() {},
    warn: (_: unknown, message: string) => void warnings.push(message),
    error() {},
  };
  const model = languageModel({ env: { THROUGHLINE_DOCS_DIR: '/no/such/folder' }, logger });
  assert.equal(model.modelId, 'docs');
  assert.equal(warnings.length, 1);
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'x' }] }];
  await assert.rejects(
    async () => model.doStream({ prompt }),
    (error) => ThroughlineError.is(error, 'DOCS_UNREADABLE'),
  );
});

test('an OpenAI-compatible server is chosen by its name, address and model', () => {
  const model = languageModel({ env: openAI });
  assert.equal(model.provider, 'openai-compatible');
  assert.equal(model.modelId, 'm');
});

const rejected: readonly [what: string, env: Record<string, string>, names: RegExp][] = [
  ['an unknown model', { THROUGHLINE_MODEL: 'gpt' }, /THROUGHLINE_MODEL/],
  ['a docs model without a folder', {}, /THROUGHLINE_DOCS_DIR/],
  [
    'a pace that is no number',
    { THROUGHLINE_DOCS_DIR: '.', THROUGHLINE_DOCS_PACE_MS: 'fast' },
    /THROUGHLINE_DOCS_PACE_MS/,
  ],
  ['no address', { ...openAI, THROUGHLINE_MODEL_URL: '' }, /--model-url/],
  ['an address of another kind', { ...openAI, THROUGHLINE_MODEL_URL: 'localhost:1' }, /--model-url/],
  ['no model id', { ...openAI, THROUGHLINE_MODEL_ID: ' ' }, /--model-id/],
  ['a time-out that is no number', { ...openAI, THROUGHLINE_MODEL_TIMEOUT_MS: '-1' }, /THROUGHLINE_MODEL_TIMEOUT_MS/],
];
for (const [what, env, names] of rejected) {
  test(`${what} is CONFIG_INVALID, and the message names the setting`, () => {
    assert.throws(
      () => languageModel({ env }),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && names.test(error.message),
    );
  });
}
