import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestMemory } from './request-memory.ts';

test('what does not fit waits, and is let in in order when room is given back', () => {
  const memory = new RequestMemory({ bytesMax: 100, smallBytes: 10 });
  const letIn: string[] = [];
  assert.equal(
    memory.take(80, () => {}),
    undefined,
  );
  assert.notEqual(
    memory.take(50, () => letIn.push('first')),
    undefined,
  );
  assert.notEqual(
    memory.take(20, () => letIn.push('second')),
    undefined,
  );
  assert.equal(memory.usedBytes, 80);
  memory.give(80);
  assert.deepEqual(letIn, ['first', 'second']);
  assert.equal(memory.usedBytes, 70);
});

test('a small request never waits', () => {
  const memory = new RequestMemory({ bytesMax: 100, smallBytes: 10 });
  memory.take(100, () => {});
  assert.equal(
    memory.take(10, () => {}),
    undefined,
  );
  assert.equal(memory.usedBytes, 110);
});

test('whoever stops waiting is passed over', () => {
  const memory = new RequestMemory({ bytesMax: 100, smallBytes: 10 });
  memory.take(100, () => {});
  const stop = memory.take(90, () => assert.fail('it has stopped waiting'));
  let isLetIn = false;
  memory.take(60, () => (isLetIn = true));
  stop?.();
  memory.give(100);
  assert.equal(isLetIn, true);
  assert.equal(memory.usedBytes, 60);
});

test('one that is larger than the bound is let in alone', () => {
  const memory = new RequestMemory({ bytesMax: 100, smallBytes: 10 });
  assert.equal(
    memory.take(500, () => {}),
    undefined,
  );
  assert.notEqual(
    memory.take(50, () => {}),
    undefined,
  );
});
