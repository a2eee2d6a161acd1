import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from './config-schema.ts';
import { defineConfig } from './define-config.ts';

test('a configuration is returned as it is', () => {
  const config = { functions: { answer: { entry: './answer.ts' } } };
  assert.equal(defineConfig(config), config);
});

test('what defineConfig takes is what the schema takes', () => {
  const config = defineConfig({
    functions: { answer: { entry: './answer.ts', timeoutMs: 1000, memoryMb: 64, environment: { NAME: 'value' } } },
    answer: 'answer',
    allowedOrigins: ['https://app.example.com'],
    durability: 'os',
  });
  assert.deepEqual(configSchema.parse(config), config);
});

test('limits are checked: no memory below 64 MiB, no time that a timer cannot wait, no unknown property', () => {
  for (const settings of [{ memoryMb: 32 }, { timeoutMs: 2 ** 31 }, { timeoutMs: 0 }, { environmentsMax: 0 }, { x: 1 }])
    assert.equal(configSchema.safeParse({ functions: { answer: { entry: 'a', ...settings } } }).success, false);
  assert.equal(configSchema.safeParse({}).success, false);
});
