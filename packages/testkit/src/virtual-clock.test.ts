import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delay } from '@throughline/event';
import { VirtualClock } from './virtual-clock.ts';

test('timers fire in the order of their times, each at its own time, and those set on the way count', async () => {
  const clock = new VirtualClock(1000);
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name}@${clock.nowMs()}`);
  clock.after(30, note('late'));
  clock.after(10, () => {
    note('early')();
    clock.after(5, note('on the way'));
  });
  clock.after(10, note('early, set second'));
  clock.after(31, note('never'));
  const cancelled = clock.after(1, note('cancelled'));
  cancelled.cancel();
  await clock.advance(30);
  assert.deepEqual(fired, ['early@1010', 'early, set second@1010', 'on the way@1015', 'late@1030']);
  assert.equal(clock.nowMs(), 1030);
  assert.equal(clock.monotonicMs(), 30);
  assert.equal(clock.timerCount, 1);
});

test('what a timer sets off settles before the next one fires', async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  void delay(clock, 10).then(async () => {
    await delay(clock, 10);
    seen.push(clock.monotonicMs());
  });
  void delay(clock, 25).then(() => seen.push(clock.monotonicMs()));
  await clock.advance(100);
  assert.deepEqual(seen, [20, 25]);
});

test('a test can wait until timers are set', async () => {
  const clock = new VirtualClock();
  const waiting = clock.timersSet(2);
  setImmediate(() => {
    clock.after(1, () => {});
    clock.after(1, () => {});
  });
  await waiting;
  assert.equal(clock.timerCount, 2);
});
