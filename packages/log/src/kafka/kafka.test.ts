import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { kafka } from './kafka.ts';

test('a client id that no request can carry is rejected before anybody is connected to', async () => {
  // The client library would write its length into 16 bits.
  const opening = kafka({ bootstrap: '127.0.0.1:1', clientId: 'ü'.repeat(16_384) });
  await assert.rejects(opening, (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'));
});
