// What is read for several functions at once, and what becomes of a function whose group cannot be joined.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, ThroughlineError, type Run } from '@throughline/event';
import { overLog, type Log } from '@throughline/log';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { groupRetryMs } from '../defaults.ts';
import { RunShares } from './run-shares.ts';

const topic = 'conversations';

async function memoryLog(): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic(topic, { partitions: 4 });
  return log;
}

/** A supervisor's shares, and a consumer that reads what it is told to as soon as it is told so. */
function open(log: Log, functionNames: readonly string[], isExclusive = false) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const shares = new RunShares({
    log,
    topic,
    owner: 'me',
    functionNames,
    isExclusive,
    member: {},
    clock,
    logger: silentLogger,
    work: { isUnsettled: () => false, isAtWork: () => false },
    onChange: () => void told.push('change'),
    reached: async () => {},
  });
  const read = (): void => shares.settled(shares.partitions(4));
  shares.onChange(read);
  read();
  const may = (name: string): number[] =>
    [0, 1, 2, 3].filter((partition) => shares.mayStart({ function: name, partition } as Run));
  return { shares, clock, may, told };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 1000) assert.fail('it did not come to that');
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test('alone on a log a supervisor starts every run, also of functions that it does not know, and joins no group', async () => {
  const log = overLog(await memoryLog(), { join: () => assert.fail('nobody is there to share with') });
  const { may, shares } = open(log, ['answer'], true);
  await until(() => may('answer').length === 4);
  assert.deepEqual(
    [may('unknown'), shares.read],
    [
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ],
  );
  assert.equal(shares.startedHere('answer'), undefined);
});

test('until the group has answered, and what it gave is read, it is being joined; then others have what is not here', async () => {
  const log = await memoryLog();
  const members = Array.from({ length: 5 }, () => open(log, ['answer']));
  for (const { shares } of members)
    assert.deepEqual([shares.isJoining('answer'), shares.startedHere('answer')], [true, []]);
  await until(() => members.every(({ shares }) => !shares.isJoining('answer')));
  const counts = members.map(({ shares }) => shares.startedHere('answer')?.length);
  assert.deepEqual(counts, [1, 1, 1, 1, 0], 'the fifth has nothing, and knows it');
  for (const { shares } of members) await shares.close();
});

test('supervisors share a function that both know, have their own for themselves, and read for all that they have', async () => {
  const log = await memoryLog();
  const one = open(log, ['answer', 'only-one']);
  const other = open(log, ['answer', 'only-other']);
  await until(() => one.may('answer').length === 2 && other.may('answer').length === 2);
  const byNumber = [...one.may('answer'), ...other.may('answer')].toSorted((a, b) => a - b);
  assert.deepEqual(byNumber, [0, 1, 2, 3]);
  await until(() => one.may('only-one').length === 4 && other.may('only-other').length === 4);
  assert.deepEqual([one.may('only-other'), other.may('only-one')], [[], []]);
  assert.deepEqual(
    [one.shares.read, other.shares.read],
    [
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ],
  );
  await other.shares.close();
  await until(() => one.may('answer').length === 4);
  await one.shares.close();
});

test('a group that cannot be joined assigns nothing, says why, and is joined again later; other functions go on', async () => {
  const memory = await memoryLog();
  let isForeign = true;
  const log = overLog(memory, {
    join: (request) => {
      const membership = memory.join(request);
      if (!isForeign || !request.group.endsWith('-answer')) return membership;
      return Object.assign(Object.create(membership) as typeof membership, {
        [Symbol.asyncIterator]: () => ({
          next: async () => {
            await membership.close();
            throw new ThroughlineError('LOG_REFUSED', 'another protocol');
          },
        }),
        release: () => {},
        close: () => membership.close(),
      });
    },
  });
  const { shares, may, clock } = open(log, ['answer', 'other']);
  await until(() => may('other').length === 4 && shares.problem !== undefined);
  assert.deepEqual([may('answer'), shares.problem?.code], [[], 'LOG_REFUSED']);
  isForeign = false;
  await clock.advance(groupRetryMs);
  await until(() => may('answer').length === 4);
  assert.equal(shares.problem, undefined);
  await shares.close();
});

test('a supervisor whose name a newer one has taken starts nothing, and does not take it back', async () => {
  const log = await memoryLog();
  let joins = 0;
  const counted = overLog(log, {
    join: (request) => {
      joins++;
      return log.join({ ...request, instanceId: 'the same folder' });
    },
  });
  const older = open(counted, ['answer']);
  await until(() => older.may('answer').length === 4);
  const newer = open(counted, ['answer']);
  await until(() => newer.may('answer').length === 4);
  await until(() => older.shares.problem?.code === 'GROUP_MEMBER_FENCED');
  assert.deepEqual(older.may('answer'), []);
  await older.clock.advance(10 * groupRetryMs);
  assert.equal(joins, 2);
  await older.shares.close();
  await newer.shares.close();
});
