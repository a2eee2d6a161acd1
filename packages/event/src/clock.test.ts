import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@throughline/testkit';
import { delay, systemClock } from './clock.ts';

test('a delay ends when its time has come, and not before', async () => {
  const clock = new VirtualClock();
  let isOver = false;
  const waiting = delay(clock, 10).then(() => (isOver = true));
  await clock.advance(9);
  assert.equal(isOver, false);
  await clock.advance(1);
  await waiting;
});

test('a delay that is aborted ends at once with the reason, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const waiting = delay(clock, 10, abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(delay(clock, 10, abort.signal), /enough/);
  assert.equal(clock.timerCount, 0);
});

test("the machine's clock fires a timer unless it was cancelled", async () => {
  const cancelled = systemClock.after(1, () => assert.fail('it was cancelled'));
  cancelled.cancel();
  const keptAlive = setInterval(() => {}, 1_000);
  await delay(systemClock, 2);
  clearInterval(keptAlive);
  assert.ok(systemClock.nowMs() > systemClock.monotonicMs());
});
