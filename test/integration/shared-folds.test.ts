// Two folds of one consumer group on the embedded log, over Kafka's own groups: they share the partitions of a topic, and
// the one that stays takes over what the other leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@throughline/event';
import { fold, memoryStore, SharedAssignment, type Fold } from '@throughline/fold';
import { openEmbeddedLog, type Log } from '@throughline/log';

const partitions = [0, 1, 2, 3];

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUp = AbortSignal.timeout(60_000);
  while (!condition()) {
    if (giveUp.aborted) assert.fail(`it did not come to that: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const add = (log: Log, word: string): Promise<unknown> =>
  log.append(
    'words',
    partitions.map((partition) => ({ key: null, value: utf8(word), partition })),
  );

test('folds of one group share the partitions, and take over what another leaves', { timeout: 120_000 }, async (t) => {
  const log = await openEmbeddedLog({ memory: true });
  t.after(() => log.close());
  await log.admin.createTopic('words', { partitions: partitions.length });
  const open = async (): Promise<{ seen: string[]; assignment: SharedAssignment; running: Fold }> => {
    const seen: string[] = [];
    const assignment = new SharedAssignment({ log, topic: 'words', group: 'words', heartbeatMs: 100 });
    t.after(() => assignment.close());
    const running = await fold({
      log,
      topic: 'words',
      name: 'words',
      codeVersion: '1',
      store: memoryStore(() => ({})),
      reduce: (_, { partition, value }) => void seen.push(`${new TextDecoder().decode(value!)}${partition}`),
      assignment,
    });
    t.after(() => running.close());
    return { seen, assignment, running };
  };
  const seenOf = (seen: readonly string[], word: string): string[] => seen.filter((each) => each.startsWith(word));
  const first = await open();
  await add(log, 'a');
  await until(() => first.seen.length === 4, 'one member has all');
  const second = await open();
  const heldBy = ({ assignment }: { readonly assignment: SharedAssignment }): number =>
    assignment.partitions(partitions.length).length;
  await until(() => heldBy(first) === 2 && heldBy(second) === 2, 'each has its half');
  await add(log, 'b');
  await until(() => seenOf([...first.seen, ...second.seen], 'b').length === 4, 'all is folded');
  assert.equal(new Set(seenOf([...first.seen, ...second.seen], 'b')).size, 4, 'each by one of them');
  await second.running.close();
  await second.assignment.close();
  await until(() => heldBy(first) === 4, 'the first has all again');
  await add(log, 'c');
  await until(() => seenOf(first.seen, 'c').length === 4, 'all is folded by the first');
});
