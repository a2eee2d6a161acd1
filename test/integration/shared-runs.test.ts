// Supervisors that share one log: each run is started by the one that holds its partition, and by nobody else; partitions
// move while answers are being written, and whatever ends a supervisor, its runs go on with the others.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createBroker } from '@throughline/broker';
import { conversationStream, utf8 } from '@throughline/event';
import type { FunctionConfig, MemberOptions, Supervisor } from '@throughline/functions';
import { kafka, openEmbeddedLog, partitionFor, type Log } from '@throughline/log';
import { SupervisorProcess } from '../support/supervisor-process.ts';
import {
  answerFunction,
  ask,
  newId,
  Reader,
  requestStop,
  topic,
  until,
  words,
  type Question,
  supervise,
} from './functions-harness.ts';

const partitionCount = 8;
const all = Array.from({ length: partitionCount }, (_, partition) => partition);
const member: MemberOptions = { heartbeatMs: 50 };
const leaseMs = 2_000;

interface Bench {
  readonly log: Log;
  readonly reader: Reader;
  readonly folder: string;
  readonly functions: readonly FunctionConfig[];
  /** `<run> <attempt>` of each invocation of a handler so far. */
  readonly invoked: () => readonly string[];
  readonly join: () => Promise<Supervisor>;
}

async function bench(t: TestContext, log: Log): Promise<Bench> {
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await log.admin.createTopic(topic, { partitions: partitionCount });
  const reader = new Reader(log);
  t.after(() => reader.close());
  const file = path.join(folder, 'invocations');
  const functions = [
    answerFunction({
      leaseMs,
      environmentsMax: 2,
      invocationsPerEnvironment: 64,
      env: { INVOCATIONS_FILE: file },
    }),
  ];
  return {
    log,
    reader,
    folder,
    functions,
    invoked: () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []),
    async join() {
      const supervisor = await supervise({ log, topic, functions, isExclusive: false, member });
      t.after(() => supervisor.close());
      return supervisor;
    },
  };
}

async function onEmbeddedLog(t: TestContext): Promise<Bench> {
  const log = await openEmbeddedLog({ memory: true });
  t.after(() => log.close());
  return bench(t, log);
}

const settings = { 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 500 };

async function overTcp(t: TestContext): Promise<Bench & { readonly start: () => SupervisorProcess }> {
  const running = await createBroker({ memory: true, config: settings });
  t.after(() => running.close());
  const log = await kafka({ bootstrap: running.address });
  t.after(() => log.close());
  const made = await bench(t, log);
  const { folder, functions } = made;
  return {
    ...made,
    start() {
      const storePath = path.join(folder, `${newId()}.sqlite`);
      const timing = { ...member, sessionTimeoutMs: 2_000 };
      const process = new SupervisorProcess({ address: running.address, topic, storePath, member: timing, functions });
      t.after(() => process.stop('SIGKILL'));
      return process;
    },
  };
}

const heldBy = (supervisor: Supervisor | SupervisorProcess): readonly number[] =>
  supervisor instanceof SupervisorProcess ? supervisor.partitions : (supervisor.status()[0]?.partitions ?? []);

/** Waits until each partition is held by one of them, as evenly as can be. */
async function shared(...supervisors: readonly (Supervisor | SupervisorProcess)[]): Promise<void> {
  const shares = (): number[][] => supervisors.map((supervisor) => [...heldBy(supervisor)]);
  const isEven = (): boolean =>
    shares()
      .flat()
      .toSorted((a, b) => a - b)
      .join() === all.join() &&
    shares().every(({ length }) => length === Math.floor(partitionCount / supervisors.length) || length > 1);
  await until(() => isEven(), 'all is shared out');
}

const partitionOf = ({ conversationId }: Pick<Question, 'conversationId'>): number =>
  partitionFor(utf8(conversationStream(conversationId)), partitionCount);

/** Asks in new conversations until there is one in each of `partitions`. */
async function askIn(log: Log, partitions: readonly number[], text: string): Promise<Map<number, Question>> {
  const questions = new Map<number, Question>();
  while (questions.size < partitions.length) {
    const conversationId = newId();
    const partition = partitionOf({ conversationId });
    if (!partitions.includes(partition) || questions.has(partition)) continue;
    questions.set(partition, await ask(log, text, { conversationId }));
  }
  return questions;
}

async function allDone(reader: Reader, questions: Iterable<Question>, text: string): Promise<void> {
  for (const { runId } of questions) {
    assert.equal((await reader.ended(runId)).outcome, 'done');
    assert.equal(reader.text(runId), text);
  }
  assert.deepEqual(reader.contradictions, []);
}

test('of 200 runs over 8 partitions two supervisors start each once, and no handler is invoked in vain', async (t) => {
  const { log, reader, invoked, join } = await onEmbeddedLog(t);
  const [first, second] = [await join(), await join()];
  await shared(first, second);
  const questions = await Promise.all(Array.from({ length: 200 }, () => ask(log, 'words 3')));
  await allDone(reader, questions, words(3));
  assert.deepEqual(invoked().toSorted(), questions.map(({ runId }) => `${runId} 1`).toSorted());
  for (const { runId, conversationId } of questions) {
    const holder = heldBy(first).includes(partitionOf({ conversationId })) ? first : second;
    assert.equal(reader.run(runId)?.owner, holder.owner);
  }
  const counts = (): number[] => [first, second].map((supervisor) => supervisor.status()[0]!.totals.invocations);
  await until(() => counts().reduce((sum, count) => sum + count) === 200, 'each invocation is counted');
  assert.ok(counts().every((count) => count > 0));
});

test('a supervisor that joins starts new runs of its partitions while those begun before it go on where they are', async (t) => {
  const { log, reader, invoked, join, folder } = await onEmbeddedLog(t);
  const [first, second] = [await join(), await join()];
  await shared(first, second);
  const gate = path.join(folder, 'gate');
  const begun = await askIn(log, all, `gate ${gate} 20`);
  await until(() => invoked().length === partitionCount, 'an answer is under way in each partition');
  const third = await join();
  await shared(first, second, third);
  const fresh = await askIn(log, heldBy(third), 'words 3');
  await allDone(reader, fresh.values(), words(3));
  for (const { runId } of fresh.values()) assert.equal(reader.run(runId)?.owner, third.owner);
  // Its partitions are read on by those who have begun something in them.
  const readers = (partition: number): number =>
    [first, second, third].filter((each) => each.reading().partitions.includes(partition)).length;
  assert.deepEqual(
    all.map(readers),
    all.map((partition) => (heldBy(third).includes(partition) ? 2 : 1)),
  );
  writeFileSync(gate, '');
  await allDone(reader, begun.values(), words(20));
  assert.equal(invoked().length, partitionCount + fresh.size, 'nothing was begun twice');
  await until(() => all.every((partition) => readers(partition) === 1), 'each partition is read by its holder alone');
});

// The sibling was not known yet when the end of the run before it was read: the partition was read no more, and a stop unheard.
test('an answer that diverges in a partition that has moved goes on as a sibling, which can be stopped', async (t) => {
  const { log, reader, join } = await onEmbeddedLog(t);
  const first = await join();
  await shared(first);
  const questions = await askIn(log, all, 'vary 2000 5');
  await reader.until(
    () => [...questions.values()].every(({ runId }) => reader.text(runId).includes('first5 ')),
    'all are under way',
  );
  const second = await join();
  await shared(first, second);
  const moved = [...questions].filter(([partition]) => heldBy(second).includes(partition));
  first.killEnvironment(moved[0]![1].runId);
  for (const [, question] of moved) {
    const { outcome, ended } = await reader.ended(question.runId);
    assert.equal(outcome, 'superseded');
    const runId = ended?.supersededBy ?? '';
    await reader.until(() => reader.text(runId).includes('second5 '), 'the sibling speaks');
    await requestStop(log, { ...question, runId });
    const sibling = await reader.ended(runId);
    assert.deepEqual([sibling.outcome, sibling.owner], ['stopped', first.owner]);
  }
  const isRead = (partition: number): boolean => first.reading().partitions.includes(partition);
  await until(() => !moved.some(([partition]) => isRead(partition)), 'they are read no more');
  assert.deepEqual(reader.contradictions, []);
  for (const [partition, question] of questions)
    if (heldBy(first).includes(partition)) await requestStop(log, question);
});

test('when a supervisor closes, others start the runs of its partitions at once, and carry its own on after their lease', async (t) => {
  const { log, reader, join, invoked, folder } = await onEmbeddedLog(t);
  const [first, second] = [await join(), await join()];
  await shared(first, second);
  const gate = path.join(folder, 'gate');
  const begun = await askIn(log, heldBy(first), `gate ${gate} 20`);
  await until(() => invoked().length === begun.size, 'they are under way');
  const mine = heldBy(first);
  await first.close();
  await shared(second);
  const fresh = await askIn(log, mine, 'words 3');
  await allDone(reader, fresh.values(), words(3));
  writeFileSync(gate, '');
  await allDone(reader, begun.values(), words(20));
  for (const { runId } of begun.values()) {
    const [former, next] = reader.run(runId)!.attempts;
    assert.deepEqual([former?.owner, next?.owner], [first.owner, second.owner]);
    assert.ok(next!.startedMs - former!.startedMs >= leaseMs, 'the lease was waited for');
  }
});

test('a partition that was away and comes back is read on from where it was left', async (t) => {
  const { log, reader, join, invoked } = await onEmbeddedLog(t);
  const first = await join();
  await shared(first);
  const before = await askIn(log, all, 'words 3');
  await allDone(reader, before.values(), words(3));
  const second = await join();
  await shared(first, second);
  const away = heldBy(second);
  await until(() => first.reading().partitions.length === partitionCount - away.length, 'they are not read here');
  const elsewhere = await askIn(log, away, 'words 3');
  await allDone(reader, elsewhere.values(), words(3));
  await second.close();
  await shared(first);
  for (const [partition, { conversationId, replyId }] of elsewhere) {
    const { runId } = await ask(log, 'echo', { conversationId, parentId: replyId });
    await reader.ended(runId);
    const { messages } = JSON.parse(reader.text(runId).split('\n')[0] ?? '') as { messages: unknown[] };
    assert.equal(messages.length, 3, `it has the conversation that was led elsewhere (partition ${partition})`);
  }
  assert.equal(invoked().length, partitionCount + 2 * away.length);
});

test('over TCP, runs of a supervisor that is killed are carried on by others, those of one that joins are its own', async (t) => {
  const { log, reader, start, invoked } = await overTcp(t);
  const [first, second] = [start(), start()];
  await shared(first, second);
  const questions = await Promise.all(Array.from({ length: 40 }, () => ask(log, 'words 3')));
  await allDone(reader, questions, words(3));
  assert.deepEqual(invoked().toSorted(), questions.map(({ runId }) => `${runId} 1`).toSorted());
  const long = await askIn(log, all, 'words 80 10');
  await reader.until(
    () => [...long.values()].every(({ runId }) => reader.text(runId).includes('word5 ')),
    'all are under way',
  );
  const mine = heldBy(first);
  await first.stop('SIGKILL');
  const third = start();
  await allDone(reader, long.values(), words(80));
  for (const [partition, { runId }] of long)
    assert.equal(reader.run(runId)?.attempts.length, mine.includes(partition) ? 2 : 1);
  await shared(second, third);
  const last = await askIn(log, all, 'words 3');
  await allDone(reader, last.values(), words(3));
  for (const [partition, { runId }] of last)
    assert.equal(reader.run(runId)?.owner, [second, third].find((each) => heldBy(each).includes(partition))?.owner);
  await second.stop();
  await third.stop();
});
