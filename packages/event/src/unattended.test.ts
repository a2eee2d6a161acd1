import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import type { Clock } from './clock.ts';
import { silentLogger, type LogFields, type Logger } from './logger.ts';
import { guardedClock, listening, unattended } from './unattended.ts';

function recorder(): { readonly logger: Logger; readonly defects: LogFields[] } {
  const defects: LogFields[] = [];
  return { defects, logger: { ...silentLogger, fatal: (fields) => void defects.push(fields) } };
}

const failure = new Error('no');

test('what unattended code throws, at once or later, is reported with what it was doing', async () => {
  const { logger, defects } = recorder();
  unattended(logger, 'a', () => {
    throw failure;
  });
  unattended(logger, 'b', async () => {
    await turn();
    throw failure;
  });
  const heard: number[] = [];
  const listener = listening(logger, 'c', (value: number) => {
    heard.push(value);
    throw failure;
  });
  listener(7);
  unattended(logger, 'd', () => 'all is well');
  await turn();
  await turn();
  assert.deepEqual(heard, [7]);
  assert.deepEqual(
    defects.toSorted((a, b) => String(a['during']).localeCompare(String(b['during']))),
    ['a', 'b', 'c'].map((during) => ({ error: failure, during })),
  );
});

test('a logger that knows nothing fatal gets a defect as an error', () => {
  const errors: LogFields[] = [];
  const logger = { ...silentLogger, error: (fields: LogFields) => void errors.push(fields) };
  unattended(logger, 'a', () => {
    throw failure;
  });
  assert.deepEqual(errors, [{ error: failure, during: 'a' }]);
});

test('a timer of a guarded clock fires and is cancelled as ever, and what its action throws is reported', async () => {
  const { logger, defects } = recorder();
  const actions = new Set<() => void>();
  const byHand: Clock = {
    nowMs: () => 5,
    monotonicMs: () => 6,
    after(_delayMs, action) {
      actions.add(action);
      return { cancel: () => actions.delete(action) };
    },
  };
  const clock = guardedClock(byHand, logger);
  assert.deepEqual([clock.nowMs(), clock.monotonicMs()], [5, 6]);
  clock.after(1, () => assert.fail('it was cancelled')).cancel();
  clock.after(1, () => {
    throw failure;
  });
  for (const action of actions) action();
  await turn();
  assert.deepEqual(
    defects.map(({ error }) => error),
    [failure],
  );
  assert.equal(guardedClock(clock, logger), clock, 'it is guarded once');
});
