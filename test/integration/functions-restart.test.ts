// A supervisor keeps nothing that the log does not have: whatever ends it, the next one finds every run that has not
// ended, and the checkpoint only saves it from reading everything again.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { conversationStream, toRecord, utf8, type ProducerRecord, type RawEvent } from '@throughline/event';
import type { TailRequest, TailStep } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import {
  answerFunction,
  ask,
  entryOf,
  memoryLog,
  newId,
  openHouse,
  requestStop,
  topic,
  until,
  words,
  supervise,
} from './functions-harness.ts';

/** A log that tells where it was read from. */
class WatchedLog extends MemoryLog {
  readonly readFrom: (readonly bigint[])[] = [];
  /** Records that tails have handed out. */
  recordCount = 0;

  override tail(request: TailRequest): AsyncIterable<TailStep> {
    // Only the conversations: what waits for functions is on a topic of its own.
    if (request.topic !== topic) return super.tail(request);
    if (typeof request.from === 'object' && 'offsets' in request.from) this.readFrom.push([...request.from.offsets]);
    return this.#counted(super.tail(request));
  }

  async *#counted(steps: AsyncIterable<TailStep>): AsyncGenerator<TailStep> {
    for await (const step of steps) {
      this.recordCount += step.records.length;
      yield step;
    }
  }
}

function storeIn(t: { after(action: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, 'functions.sqlite');
}

test('runs that were requested while no supervisor ran are answered when one starts, in their order', async (t) => {
  const log = await memoryLog(1);
  const questions = [];
  for (let index = 0; index < 5; index++) questions.push(await ask(log, 'words 3'));
  const { reader } = await openHouse(t, { log, functions: [answerFunction({ environmentsMax: 1 })] });
  for (const { runId } of questions) assert.equal((await reader.ended(runId)).outcome, 'done');
  const started = reader.events.flatMap((event) => (event.type === 'attempt-started' ? [event.run] : []));
  assert.deepEqual(
    started,
    questions.map(({ runId }) => runId),
  );
});

test('a start goes on from the checkpoint, with the conversations as they were', async (t) => {
  const storePath = storeIn(t);
  const log = new WatchedLog();
  await log.admin.createTopic(topic, { partitions: 1 });
  const first = await supervise({ log, topic, functions: [answerFunction()], isExclusive: true, storePath });
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  const question = await ask(log, 'words 3');
  await reader.ended(question.runId);
  await first.caughtUp();
  await first.close();
  const end = (await log.admin.describeTopic(topic)).partitions[0]!.highWatermark;
  await openHouse(t, { log, storePath });
  assert.deepEqual(log.readFrom.at(-1), [end]);
  const { conversationId, replyId } = question;
  const { runId } = await ask(log, 'echo', { conversationId, parentId: replyId });
  await reader.ended(runId);
  const [event] = reader.text(runId).split('\n');
  const { messages } = JSON.parse(event ?? '') as { messages: unknown[] };
  assert.equal(messages.length, 3);
});

test('a run that was open at the checkpoint is found again from it', async (t) => {
  const storePath = storeIn(t);
  const log = await memoryLog(1);
  const first = await supervise({ log, topic, functions: [answerFunction()], isExclusive: true, storePath });
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  const done = await ask(log, 'words 3');
  await reader.ended(done.runId);
  const { runId } = await ask(log, 'words 60 5');
  await reader.until(() => reader.text(runId).includes('word10 '), 'some words');
  await first.close();
  await openHouse(t, { log, storePath });
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(run.attempts.length, 2);
  assert.equal(reader.text(runId), words(60));
  assert.deepEqual(reader.contradictions, []);
});

// A run of a function that the supervisor did not know held its checkpoint at the run's first record: each start read
// everything again.
test('runs of a function that is not ours do not make each start read everything again, and are known all the same', async (t) => {
  const storePath = storeIn(t);
  const log = new WatchedLog();
  await log.admin.createTopic(topic, { partitions: 1 });
  const { runId } = await ask(log, 'words 3', { functionName: 'renamed' });
  const options = { log, topic, isExclusive: false, storePath };
  const first = await supervise({ ...options, functions: [answerFunction({ spareCount: 0 })] });
  await first.caughtUp();
  for (let batch = 0; batch < 5; batch++) {
    const records: ProducerRecord[] = [];
    for (let index = 0; index < 100; index++) records.push(...conversationRecords());
    await log.append(topic, records);
  }
  await first.caughtUp();
  await first.close();
  log.recordCount = 0;
  const second = await supervise({ ...options, functions: [answerFunction({ spareCount: 0 })] });
  await second.caughtUp();
  assert.equal(log.recordCount, 0);
  await second.close();
  // Whoever has the function finds the run without reading it again.
  const third = await supervise({ ...options, functions: [answerFunction({ name: 'renamed' })] });
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  assert.equal((await reader.ended(runId)).outcome, 'done');
  await third.close();
});

test('a topic that is made again while the supervisor runs is read from its beginning, and its runs are answered', async (t) => {
  const log = await memoryLog(1);
  const storePath = storeIn(t);
  const supervisor = await supervise({
    log,
    topic,
    functions: [answerFunction()],
    isExclusive: true,
    storePath,
  });
  t.after(() => supervisor.close());
  await ask(log, 'words 3');
  // This one is still being answered when its topic goes.
  await ask(log, 'words 4000 20');
  await supervisor.caughtUp();
  await log.admin.deleteTopic(topic);
  await until(() => supervisor.reading().phase === 'absent', 'the topic is missed');
  assert.equal(supervisor.reading().lastError?.code, 'UNKNOWN_TOPIC');
  await log.admin.createTopic(topic, { partitions: 1 });
  const { runId } = await ask(log, 'words 3');
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  assert.equal((await reader.ended(runId)).outcome, 'done');
  assert.equal(supervisor.reading().phase, 'live');
});

test('a checkpoint of another topic of the same name is not used', async (t) => {
  const storePath = storeIn(t);
  const first = await supervise({
    log: await memoryLog(1),
    topic,
    functions: [],
    isExclusive: true,
    storePath,
  });
  await first.close();
  const log = new WatchedLog();
  await log.admin.createTopic('another', { partitions: 1 });
  await log.admin.createTopic(topic, { partitions: 1 });
  const { runId } = await ask(log, 'words 2');
  const { reader } = await openHouse(t, { log, storePath });
  assert.equal((await reader.ended(runId)).outcome, 'done');
  assert.deepEqual(log.readFrom[0], [0n]);
});

test('conversations beyond the memory are fetched again when somebody goes on with them', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, { conversationsMax: 4, log: await memoryLog(1) });
  const first = await ask(log, 'words 3');
  await reader.ended(first.runId);
  for (let batch = 0; batch < 20; batch++) {
    const records: ProducerRecord[] = [];
    for (let index = 0; index < 100; index++) records.push(...conversationRecords());
    await log.append(topic, records);
  }
  await supervisor.caughtUp();
  const { runId } = await ask(log, 'echo', { conversationId: first.conversationId, parentId: first.replyId });
  await reader.ended(runId);
  const { messages } = JSON.parse(reader.text(runId).split('\n')[0] ?? '') as { messages: unknown[] };
  assert.equal(messages.length, 3);
});

test('a run that was tried as often as it may is given up visibly', async (t) => {
  const log = await memoryLog(1);
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  const { runId } = await ask(log, 'words 500 5');
  for (let start = 1; start <= 2; start++) {
    const supervisor = await supervise({
      log,
      topic,
      functions: [answerFunction({ attemptsMax: 2 })],
      isExclusive: true,
    });
    await reader.until(
      () => reader.run(runId)?.attempts[start - 1]?.firstChunkMs !== undefined || reader.run(runId)?.attempt === start,
      'it runs',
    );
    await supervisor.close();
  }
  await openHouse(t, { log, functions: [answerFunction({ attemptsMax: 2 })] });
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'failed');
  assert.equal(run.ended?.error?.code, 'RUN_ABANDONED');
});

test('a stop that came while no supervisor ran is obeyed at the start', async (t) => {
  const log = await memoryLog(1);
  const question = await ask(log, 'words 500 5');
  const former = await supervise({ log, topic, functions: [answerFunction()], isExclusive: true });
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  await reader.until(() => reader.text(question.runId).includes('word3 '), 'some words');
  await former.close();
  await requestStop(log, question);
  await openHouse(t, { log });
  const run = await reader.ended(question.runId);
  assert.equal(run.outcome, 'stopped');
  assert.equal(run.attempts.length, 1);
});

test('100,000 old events are read within seconds before the first run', async (t) => {
  const log = await memoryLog(4);
  for (let part = 0; part < 100; part++) {
    const records: ProducerRecord[] = [];
    while (records.length < 1000) records.push(...conversationRecords(40));
    await log.append(topic, records);
  }
  const startMs = performance.now();
  const { supervisor } = await openHouse(t, { log, functions: [answerFunction({ entry: entryOf('answer') })] });
  await supervisor.caughtUp();
  const tookMs = performance.now() - startMs;
  t.diagnostic(`100,000 events in ${tookMs.toFixed(0)} ms`);
  assert.ok(tookMs < 20_000);
});

test('a chunk that somebody else writes in the name of an attempt costs an attempt and no reader a contradiction', async (t) => {
  const { log, reader } = await openHouse(t, { log: await memoryLog(1) });
  const { runId, conversationId } = await ask(log, 'words 60 5');
  await reader.until(() => reader.text(runId).includes('word5 '), 'some words');
  const seq = reader.run(runId)!.nextSeq + 1;
  const forged = {
    type: 'chunk',
    id: newId(),
    stream: conversationStream(conversationId),
    run: runId,
    attempt: 1,
    seq,
  };
  await log.append(topic, [
    toRecord({ ...forged, payload: { chunks: [{ type: 'text-delta', id: 'x', delta: 'no' }] } }),
  ]);
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(run.attempts.length, 2);
  assert.equal(reader.text(runId), words(60));
  assert.deepEqual(reader.contradictions, []);
});

/** A conversation with one reply that is done, of `chunkCount` records. */
function conversationRecords(chunkCount = 1): ProducerRecord[] {
  const stream = conversationStream(newId());
  const run = newId();
  const event = (type: string, payload: unknown, more: object = {}): RawEvent => ({
    type,
    id: newId(),
    stream,
    payload,
    ...more,
  });
  const messageId = newId();
  const parts = [{ type: 'text', text: 'Why?' }];
  const requested = { messageId, replyId: newId(), function: 'answer' };
  const started = { function: 'answer', environment: { id: 'e', pid: 1 }, owner: 'nobody', leaseMs: 1000, keep: 0 };
  const events = [
    event('conversation-created', { title: 'Old' }),
    event('message-created', { messageId, parentId: null, role: 'user', parts }),
    event('run-requested', requested, { run }),
    event('attempt-started', started, { run, attempt: 1 }),
  ];
  for (let seq = 0; seq < chunkCount; seq++) {
    const first = [{ type: 'start' }, { type: 'text-start', id: '1' }];
    const chunks = [...(seq === 0 ? first : []), { type: 'text-delta', id: '1', delta: `Because ${seq}. ` }];
    events.push(event('chunk', { chunks }, { run, attempt: 1, seq }));
  }
  events.push(event('run-ended', { outcome: 'done' }, { run, attempt: 1 }));
  return events.map((each) => ({ ...toRecord(each), key: utf8(stream) }));
}
