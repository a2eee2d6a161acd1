// A partition on its way from one supervisor to another: when its runs are started, when others get it, and how long it is
// read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FunctionShare } from './function-share.ts';

function open() {
  const state = {
    held: [] as number[],
    /** What the group was told last: everything else is released. */
    kept: [] as readonly number[],
    unsettled: new Set<number>(),
    atWork: new Set<number>(),
  };
  const share = new FunctionShare(
    {
      partitions: () => state.held,
      onChange: () => () => {},
      settled: (partitions) => void (state.kept = partitions),
    },
    {
      isUnsettled: (partition) => state.unsettled.has(partition),
      isAtWork: (partition) => state.atWork.has(partition),
    },
  );
  /** The group assigns `held`, and what is read is read to its end. */
  const hold = (...held: number[]): void => {
    state.held = held;
    share.take(8);
    for (const part of share.unread) share.caughtUp(part);
  };
  return { state, share, hold };
}

test('runs of a partition are started once it has been read to its end, and it is read from when it is assigned', () => {
  const { state, share } = open();
  state.held = [1, 2];
  assert.deepEqual(share.take(8), { gained: [1, 2], given: [] });
  assert.deepEqual([share.read, share.ours], [[1, 2], []]);
  const [first] = share.unread;
  assert.equal(share.caughtUp(first!), true);
  assert.deepEqual([share.ours, share.mayStart(1), share.mayStart(2)], [[1], true, false]);
  assert.deepEqual(share.take(8), { gained: [], given: [] });
});

test('a partition in which nothing was begun is released at once, and read no more', () => {
  const { state, share, hold } = open();
  hold(0, 1);
  state.held = [0];
  assert.deepEqual(share.take(8), { gained: [], given: [1] });
  assert.equal(share.mayStart(1), false);
  assert.equal(share.release(), true);
  assert.deepEqual([state.kept, share.read], [[0], [0]]);
});

test('a partition is released when what was begun can be seen, and read until that has ended', () => {
  const { state, share, hold } = open();
  hold(0, 1);
  state.unsettled.add(1);
  state.atWork.add(1);
  state.held = [0];
  share.take(8);
  assert.equal(share.release(), false);
  assert.deepEqual(
    [state.kept, share.read],
    [
      [0, 1],
      [0, 1],
    ],
    'the claim is on its way',
  );
  state.unsettled.delete(1);
  assert.equal(share.release(), false);
  assert.deepEqual([state.kept, share.read, share.isGoing(1)], [[0], [0, 1], true], 'the answer is being written');
  state.atWork.delete(1);
  assert.equal(share.release(), true);
  assert.deepEqual([state.kept, share.read, share.isGoing(1)], [[0], [0], false]);
});

test('a partition that comes back while something goes on in it is read to its end again before its runs are started', () => {
  const { state, share, hold } = open();
  hold(0, 1);
  state.atWork.add(1);
  state.held = [0];
  share.take(8);
  share.release();
  state.held = [0, 1];
  assert.deepEqual(share.take(8), { gained: [1], given: [] });
  assert.deepEqual([share.ours, share.unread.length], [[0], 1]);
  assert.equal(share.caughtUp(share.unread[0]!), true);
  assert.deepEqual(share.ours, [0, 1]);
});

test('who has waited for the end of a partition that was away meanwhile starts nothing', () => {
  const { state, share } = open();
  state.held = [3];
  share.take(8);
  const [part] = share.unread;
  state.held = [];
  share.take(8);
  assert.equal(share.caughtUp(part!), false);
  share.release();
  state.held = [3];
  share.take(8);
  assert.equal(share.caughtUp(part!), false, 'the end that it had then is not the one that it has now');
  assert.equal(share.mayStart(3), false);
});

test('of another history nothing has been read', () => {
  const { share, hold } = open();
  hold(0, 1);
  share.startOver();
  assert.deepEqual([share.ours, share.read, share.unread.length], [[], [0, 1], 2]);
});

test('what was revoked before anybody knew that the topic had it is released as well', () => {
  const { state, share, hold } = open();
  hold(0);
  state.kept = [0, 9];
  share.take(8);
  share.release();
  assert.deepEqual(state.kept, [0]);
});
