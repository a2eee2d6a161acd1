// What folds of one group owe to each other, whatever log they are on: they share the partitions of a topic, each record is
// in the rows of the member that had its partition, once, and the one that stays takes over what another leaves, or leaves
// behind when it is killed. Tools see how far the group has come.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import type { Log } from '@throughline/log';
import { add, join, partitionCount, type Member } from './shared-folds-member.ts';

const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUp = AbortSignal.timeout(60_000);
  while (!condition()) {
    if (giveUp.aborted) assert.fail(`it did not come to that: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A folder for the files of the members; the log has the topic, with nothing in it. */
async function begin(t: TestContext, log: Log, topic: string): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'shared-folds-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await log.admin.createTopic(topic, { partitions: partitionCount });
  return folder;
}

const heldBy = ({ assignment }: Member): readonly number[] => assignment.partitions(partitionCount);

async function leave({ running, assignment }: Member): Promise<void> {
  await running.close();
  await assignment.close();
}

/** The partitions whose record `word` is in the rows of a file; none while its process has not made it yet. */
function placesIn(file: string, word: string): number[] {
  if (!existsSync(file)) return [];
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    if (database.prepare("select 1 from sqlite_schema where name = 'words'").get() === undefined) return [];
    const rows = database.prepare('select place from words where word = ? order by place').all(word);
    return rows.map(({ place }) => Number(place));
  } finally {
    database.close();
  }
}

const sorted = (places: readonly number[]): number[] => places.toSorted((left, right) => left - right);

/** Two members on two views of one log; the second leaves, and the first has all again. */
export async function membersShare(t: TestContext, firstLog: Log, secondLog: Log): Promise<void> {
  const topic = 'shared';
  const folder = await begin(t, firstLog, topic);
  const [firstFile, secondFile] = [path.join(folder, 'first.db'), path.join(folder, 'second.db')];
  const first = await join(firstLog, topic, firstFile);
  await until(() => heldBy(first).length === partitionCount, 'one member has all');
  await add(firstLog, topic, 'a');
  await first.running.caughtUp();
  assert.deepEqual(placesIn(firstFile, 'a'), partitions);
  const second = await join(secondLog, topic, secondFile);
  await until(() => heldBy(first).length === 2 && heldBy(second).length === 2, 'each has its half');
  await add(firstLog, topic, 'b');
  await first.running.caughtUp();
  await second.running.caughtUp();
  assert.deepEqual(placesIn(firstFile, 'b'), heldBy(first));
  assert.deepEqual(placesIn(secondFile, 'b'), heldBy(second));
  assert.deepEqual(sorted([...heldBy(first), ...heldBy(second)]), partitions, 'each by one of them');
  // Its state is its own: it has read its partitions from their first record.
  assert.deepEqual(placesIn(secondFile, 'a'), heldBy(second));
  await leave(second);
  await until(() => heldBy(first).length === partitionCount, 'the first has all again');
  await add(firstLog, topic, 'c');
  await first.running.caughtUp();
  for (const word of ['a', 'b', 'c']) assert.deepEqual(placesIn(firstFile, word), partitions);
  await leave(first);
  const committed = await firstLog.admin.committedOffsets(topic);
  assert.deepEqual(
    committed
      .toSorted((left, right) => left.partition - right.partition)
      .map(({ partition, offset, leaderEpoch = -1 }) => [partition, offset, leaderEpoch >= 0]),
    partitions.map((partition) => [partition, 3n, true]),
  );
}

/** A member in a process of its own is killed, and comes back to the state that it had. */
export async function memberIsKilled(
  t: TestContext,
  log: Log,
  bootstrap: string,
  sessionTimeoutMs: number,
): Promise<void> {
  const topic = 'killed';
  const folder = await begin(t, log, topic);
  const [firstFile, secondFile] = [path.join(folder, 'first.db'), path.join(folder, 'second.db')];
  const spawned = (): ReturnType<typeof spawn> => {
    const file = path.join(import.meta.dirname, 'shared-folds-member.ts');
    const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning'];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = [...flags, file, bootstrap, topic, secondFile, String(sessionTimeoutMs)];
    const child = spawn(process.execPath, args, { env, stdio: 'inherit' });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };
  const first = await join(log, topic, firstFile, sessionTimeoutMs);
  await add(log, topic, 'a');
  await until(() => heldBy(first).length === partitionCount, 'one member has all');
  const second = spawned();
  await until(() => heldBy(first).length === 2, 'the other process has its half');
  const others = partitions.filter((partition) => !heldBy(first).includes(partition));
  await add(log, topic, 'b');
  await first.running.caughtUp();
  const hasIt = (word: string): boolean => placesIn(secondFile, word).length === others.length;
  await until(() => hasIt('b'), 'the other process has folded its half');
  assert.deepEqual(placesIn(firstFile, 'b'), heldBy(first));
  assert.deepEqual(placesIn(secondFile, 'b'), others);

  const gone = once(second, 'exit');
  second.kill('SIGKILL');
  await gone;
  await add(log, topic, 'c');
  await until(() => heldBy(first).length === partitionCount, 'the first has what the killed one had');
  await first.running.caughtUp();
  for (const word of ['a', 'b', 'c']) assert.deepEqual(placesIn(firstFile, word), partitions);
  assert.deepEqual(placesIn(secondFile, 'c'), []);

  spawned();
  await until(() => heldBy(first).length === 2, 'it is back and has a half');
  await add(log, topic, 'd');
  const now = partitions.filter((partition) => !heldBy(first).includes(partition));
  await until(() => placesIn(secondFile, 'd').length === now.length, 'it goes on');
  // From its own offsets: everything of its partitions, each record once, and what it had before.
  for (const word of ['c', 'd']) assert.deepEqual(placesIn(secondFile, word), now);
  for (const word of ['a', 'b'])
    assert.deepEqual(placesIn(secondFile, word), sorted([...new Set([...others, ...now])]));
  await first.running.caughtUp();
  assert.deepEqual(placesIn(firstFile, 'd'), heldBy(first));
  await leave(first);
}
