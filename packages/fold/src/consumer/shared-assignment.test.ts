// Members of one group share a topic: each partition is folded by one of them at a time, and moves only when it is released.
import assert from 'node:assert/strict';
import { test } from 'node:test';
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
