// The example's function, as it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import config from './throughline.config.ts';
import { handler } from './hello.ts';

test('it greets by name, and the world without one', async () => {
  assert.deepEqual(await handler({ name: 'Ada' }), { hello: 'Ada' });
  assert.deepEqual(await handler({}), { hello: 'world' });
  assert.deepEqual(await handler({ queryStringParameters: { name: 'Bo' } }), { hello: 'Bo' });
  assert.deepEqual(Object.keys(config.functions), ['hello', 'count']);
});
