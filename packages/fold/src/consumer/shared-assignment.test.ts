// Members of one group share a topic: each partition is folded by one of them at a time, and moves only when it is released.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, ThroughlineError, type LogFields } from '@throughline/event';
import { overLog, type Log } from '@throughline/log';
import { VirtualClock } from '@throughline/testkit';
import { defaults } from '../defaults.ts';
import { fold, memoryStore, SharedAssignment, type Fold } from '../index.ts';
import { append, inMemory, logWith } from '../test-support.ts';

const byNumber = (left: number, right: number): number => left - right;

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 20_000) assert.fail('it did not come to that');
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test('two folds of one group share the partitions, and the one that stays has them all', async (t) => {
  const log = await logWith([], 4);
  const request = { log, topic: 'words', group: 'words' };
  const open = async (): Promise<{ seen: string[]; assignment: SharedAssignment; running: Fold }> => {
    const seen: string[] = [];
    const assignment = new SharedAssignment(request);
    const store = memoryStore(() => ({ words: [] as string[] }));
    const reduce = (_: unknown, { partition, offset }: { partition: number; offset: bigint }): void =>
      void seen.push(`${partition}@${offset}`);
    const running = await fold(inMemory(log, { store, reduce, assignment }));
    return { seen, assignment, running };
  };
  const first = await open();
  t.after(() => first.running.close());
  await append(log, ['a', 'b', 'c', 'd'], 4);
  await until(() => first.seen.length === 4);

  const second = await open();
  const isShared = (): boolean => [0, 1, 2, 3].some((partition) => second.assignment.partitions(4).includes(partition));
  await until(isShared);
  // A partition moves when the first has released it: from then on each record is folded once.
  await until(() => first.assignment.partitions(4).length + second.assignment.partitions(4).length === 4);
  const mine = second.assignment.partitions(4);
  // The second member begins with its own state, so it reads its partitions from their first record.
  await until(() => second.seen.length === mine.length);
  await append(log, ['e', 'f', 'g', 'h'], 4);
  await until(() => first.seen.length + second.seen.length === 8 + mine.length);
  const newer = (seen: readonly string[]): number[] =>
    seen.filter((each) => each.endsWith('@1')).map((each) => Number(each[0]));
  assert.deepEqual(newer(second.seen).toSorted(byNumber), mine);
  assert.deepEqual([...newer(first.seen), ...newer(second.seen)].toSorted(byNumber), [0, 1, 2, 3]);

  await second.running.close();
  await second.assignment.close();
  await until(() => first.assignment.partitions(4).length === 4);
  await append(log, ['i', 'j', 'k', 'l'], 4);
  // What the second has folded since is in its state and not in this one: it goes on from its own offsets.
  await until(() => first.seen.length === 12);
  await first.running.close();
  await first.assignment.close();
});

test('a fold whose group has ended stops with the reason', async (t) => {
  const log = await logWith(['a'], 1);
  const assignment = new SharedAssignment({ log, topic: 'words', group: 'words' });
  const running = await fold(inMemory(log, { assignment }));
  t.after(() => running.close());
  await until(() => assignment.partitions(1).length === 1);
  await running.caughtUp();
  await assignment.close();
  assert.equal((await running.stopped)?.code, 'CLOSED');
});

const committed = async (log: Log): Promise<string> => {
  const offsets = await log.admin.committedOffsets('words');
  return offsets
    .map(({ partition, offset, leaderEpoch }) => `${partition}:${offset}/${leaderEpoch}`)
    .toSorted()
    .join(' ');
};

test('tools see how far a member of a group has come: after some seconds, and at the end', async (t) => {
  const log = await logWith(['a', 'b', 'c'], 2);
  const clock = new VirtualClock();
  const assignment = new SharedAssignment({ log, topic: 'words', group: 'words', clock });
  const running = await fold(inMemory(log, { assignment }));
  t.after(() => running.close());
  await until(() => assignment.partitions(2).length === 2);
  await running.caughtUp();
  assert.equal(await committed(log), '');
  await clock.advance(defaults.advisoryCommitMs);
  assert.equal(await committed(log), '0:2/0 1:1/0');
  await append(log, ['d', 'e', 'f'], 2);
  await running.caughtUp();
  await append(log, ['g'], 2);
  await running.caughtUp();
  await clock.advance(defaults.advisoryCommitMs - 1);
  assert.equal(await committed(log), '0:2/0 1:1/0');
  await clock.advance(1);
  assert.equal(await committed(log), '0:5/0 1:2/0');
  await append(log, ['h', 'i'], 2);
  await running.caughtUp();
  await running.close();
  await assignment.close();
  assert.equal(await committed(log), '0:6/0 1:3/0');
});

test('a partition that moves is committed before it is released, and by the member that has it then', async (t) => {
  const log = await logWith(['a', 'b'], 2);
  const clock = new VirtualClock();
  const request = { log, topic: 'words', group: 'words', clock };
  const first = new SharedAssignment(request);
  const running = await fold(inMemory(log, { assignment: first }));
  t.after(() => running.close());
  await until(() => first.partitions(2).length === 2);
  await running.caughtUp();
  const second = new SharedAssignment(request);
  t.after(() => second.close());
  await until(() => second.partitions(2).length === 1);
  const [moved] = second.partitions(2);
  assert.equal(await committed(log), `${moved}:1/0`);
  // It has its own state, and has not read anything yet.
  second.advanced([0n, 0n], []);
  await clock.advance(defaults.advisoryCommitMs);
  assert.match(await committed(log), moved === 0 ? /0:0.* 1:1/ : /0:1.* 1:0/);
  await running.close();
  await first.close();
});

test('a commit that fails is logged, keeps no fold from its work, and is made again', async (t) => {
  const memory = await logWith(['a'], 1);
  let failure: ThroughlineError | undefined = new ThroughlineError('LOG_UNREACHABLE', 'a test asked for it');
  let hangs = false;
  const log = overLog(memory, {
    join: (request) => {
      const membership = memory.join(request);
      const commit = membership.commit.bind(membership);
      membership.commit = async (offsets) => {
        if (failure !== undefined) throw failure;
        if (hangs) await new Promise<never>(() => {});
        await commit(offsets);
      };
      return membership;
    },
  });
  const clock = new VirtualClock();
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: LogFields) => void warnings.push(fields['code']) };
  const assignment = new SharedAssignment({ log, topic: 'words', group: 'words', clock, logger });
  const running = await fold(inMemory(log, { assignment }));
  t.after(() => running.close());
  await until(() => assignment.partitions(1).length === 1);
  await running.caughtUp();
  await clock.advance(defaults.advisoryCommitMs);
  assert.deepEqual(warnings, ['LOG_UNREACHABLE']);
  assert.equal(running.status().phase, 'live');
  failure = undefined;
  await clock.advance(defaults.advisoryCommitMs);
  assert.equal(await committed(log), '0:1/0');
  // One that never ends holds up nobody for long.
  hangs = true;
  await append(memory, ['b'], 1);
  await running.caughtUp();
  await running.close();
  const closed = assignment.close();
  await clock.advance(defaults.advisoryCloseWaitMs);
  await closed;
});
