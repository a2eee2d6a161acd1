// The example's function, as it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from './hello.ts';

test('it says what it was called with', async () => {
  const value = Buffer.from('first record').toString('base64');
  assert.deepEqual(await handler({ rawPath: '/a' }), { hello: 'request of /a' });
  assert.deepEqual(await handler({ records: { 'orders-0': [{ value }] } }), { hello: 'records first record' });
  assert.deepEqual(await handler({ Records: [{ s3: { object: { key: 'a.txt' } } }] }), { hello: 'file a.txt' });
  assert.deepEqual(await handler({ from: 'the clock' }), { hello: 'the clock' });
});
