// A test file that never gives its event loop a turn: what test/runner.test.ts gives to the runner.
import { test } from 'node:test';

test('never gives a turn', () => {
  for (;;);
});
