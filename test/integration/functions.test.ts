// The functions floor on a log in memory with real child processes: what becomes of a run when all goes well, when it is
// stopped, when processes die under it, and when supervisors come and go.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PlacedEvent } from '@throughline/event';
import type { FunctionStatus } from '@throughline/functions';
import { overLog } from '@throughline/log';
import {
  answerFunction,
  ask,
  memoryLog,
  newId,
  openHouse,
  requestStop,
  topic,
  until,
  words,
  supervise,
} from './functions-harness.ts';

test('a question is answered: one attempt, chunks in order, and an end with usage and cost', async (t) => {
  const { log, reader, supervisor } = await openHouse(t);
  const { runId, replyId } = await ask(log, 'words 20 2');
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(reader.text(runId), words(20));
  assert.equal(run.attempts.length, 1);
  assert.equal(run.attempts[0]?.owner, supervisor.owner);
  assert.equal(run.droppedRecords, 0);
  assert.deepEqual(run.ended?.usage, { inputTokens: 3, outputTokens: 7 });
  assert.equal(run.ended?.model, 'test-model');
  assert.equal(run.ended?.costUsd, 0.5);
  assert.ok(run.ended.billedMs! > 0);
  const chunk = reader.events.find((event) => event.type === 'chunk');
  assert.deepEqual(chunk?.type === 'chunk' && chunk.payload.chunks[0], { type: 'start', messageId: replyId });
  await nextTurn();
  const [status] = supervisor.status();
  assert.equal(status?.totals.invocations, 1);
  assert.equal(status.totals.errors, 0);
  const lines = status.lastInvocation?.logLines ?? [];
  assert.match(lines[0] ?? '', /^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/);
  assert.match(lines.at(-2) ?? '', /^END RequestId: /);
  assert.match(lines.at(-1) ?? '', /^REPORT RequestId: .*\tBilled Duration: \d+ ms\tMemory Size: 512 MB\tMax Memory/);
});

test('a handler gets the path up to the question, Lambda’s context, and of the environment only what is listed', async (t) => {
  process.env['SECRET_OF_THE_SERVER'] = 'must not be seen';
  const { log, reader } = await openHouse(t, { functions: [answerFunction({ env: { GIVEN: 'by name' } })] });
  const first = await ask(log, 'words 2');
  await reader.ended(first.runId);
  const { conversationId } = first;
  const { runId, replyId } = await ask(log, 'echo', { conversationId, parentId: first.replyId });
  await reader.ended(runId);
  const [event, variables, context] = reader
    .text(runId)
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(event?.['conversationId'], conversationId);
  assert.equal(event?.['runId'], runId);
  assert.equal(event?.['replyId'], replyId);
  assert.equal(event?.['attempt'], 1);
  const messages = event?.['messages'] as { role: string; parts: { type: string; text?: string }[] }[];
  assert.deepEqual(
    messages.map(({ role }) => role),
    ['user', 'assistant', 'user'],
  );
  assert.equal(messages[1]?.parts.find(({ type }) => type === 'text')?.text, words(2));
  assert.equal(variables?.['GIVEN'], 'by name');
  assert.equal(variables?.['AWS_LAMBDA_FUNCTION_NAME'], 'answer');
  assert.equal(variables?.['_HANDLER'], 'answer.handler');
  const allowed =
    /^(PATH|TZ|LANG|HOME|TMPDIR|GIVEN|_HANDLER|AWS_EXECUTION_ENV|LAMBDA_TASK_ROOT|AWS_LAMBDA_\w+|NODE_COMPILE_CACHE)$/;
  assert.deepEqual(
    Object.keys(variables ?? {}).filter((name) => !allowed.test(name)),
    [],
  );
  assert.notEqual(variables?.['HOME'], process.env['HOME']);
  assert.equal(context?.['functionName'], 'answer');
  assert.equal(context?.['memoryLimitInMB'], '512');
  assert.equal(context?.['hasSignal'], true);
  assert.ok((context?.['remainingMs'] as number) > 100_000);
});

test('stop ends the run at once, keeps the text so far, and tells the handler', async (t) => {
  const { log, reader, supervisor } = await openHouse(t);
  const question = await ask(log, 'words 5000 5');
  const { runId } = question;
  await reader.until(() => reader.text(runId).includes('word5 '), 'some words');
  await requestStop(log, question);
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'stopped');
  assert.ok(words(5000).startsWith(reader.text(runId)));
  // The handler's sleep was aborted, so its environment is free again and was not killed.
  const pid = run.attempts[0]?.environment.pid;
  const isBusy = (): boolean => supervisor.status()[0]!.environments.some(({ state }) => state === 'busy');
  while (isBusy()) await nextTurn();
  await nextTurn();
  // What the handler throws when it is asked to end (an AbortError here) is no error of the function.
  const [{ totals, lastInvocation }] = supervisor.status() as [FunctionStatus];
  assert.deepEqual([totals.invocations, totals.errors, lastInvocation?.isError], [1, 0, false]);
  const second = await ask(log, 'words 1');
  const next = await reader.ended(second.runId);
  assert.equal(next.attempts[0]?.environment.pid, pid);
  assert.deepEqual(reader.contradictions, []);
  assert.equal(supervisor.status()[0]?.running, 0);
});

test('a handler that does not listen to stop is killed after its grace, and the next run is served', async (t) => {
  const { log, reader } = await openHouse(t, { functions: [answerFunction({ environmentsMax: 1, stopGraceMs: 50 })] });
  const question = await ask(log, 'fault hang');
  await reader.until(() => reader.text(question.runId).includes('word2'), 'its words');
  await requestStop(log, question);
  assert.equal((await reader.ended(question.runId)).outcome, 'stopped');
  const { runId } = await ask(log, 'words 2');
  assert.equal((await reader.ended(runId)).outcome, 'done');
});

test('a run that still waits can be stopped: it ends without an attempt', async (t) => {
  const { log, reader } = await openHouse(t, { functions: [answerFunction({ environmentsMax: 1 })] });
  const first = await ask(log, 'words 5000 5');
  await reader.until(() => reader.text(first.runId) !== '', 'the first to run');
  const second = await ask(log, 'words 1');
  await requestStop(log, second);
  const run = await reader.ended(second.runId);
  assert.equal(run.outcome, 'stopped');
  assert.equal(run.attempt, 0);
  await requestStop(log, first);
  await reader.ended(first.runId);
});

// The first run of 25 ms had ended before its first chunk was looked at: it waits at a gate until the others were seen waiting.
test('runs beyond the concurrency limit wait on the log and start in their order', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, {
    functions: [answerFunction({ environmentsMax: 2, spareCount: 0 })],
    log: await memoryLog(1),
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const gate = path.join(folder, 'gate');
  const questions = [];
  for (let index = 0; index < 7; index++) questions.push(await ask(log, `gate ${gate} 5`));
  const status = (): FunctionStatus => supervisor.status()[0]!;
  await until(() => status().running === 2 && status().queued === 5, 'two run, and the others wait');
  assert.equal(status().environments.length, 2);
  writeFileSync(gate, '');
  for (const { runId } of questions) assert.equal((await reader.ended(runId)).outcome, 'done');
  const started = reader.events.filter(({ type }) => type === 'attempt-started').map((event) => runOf(event));
  assert.deepEqual(
    started,
    questions.map(({ runId }) => runId),
  );
});

test('one environment serves many invocations at once where it may', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, {
    functions: [answerFunction({ environmentsMax: 1, invocationsPerEnvironment: 20 })],
  });
  const questions = await Promise.all(Array.from({ length: 20 }, () => ask(log, 'words 30 5')));
  for (const { runId } of questions) {
    assert.equal((await reader.ended(runId)).outcome, 'done');
    assert.equal(reader.text(runId), words(30));
  }
  const pids = new Set(questions.map(({ runId }) => reader.run(runId)?.attempts[0]?.environment.pid));
  assert.equal(pids.size, 1);
  await nextTurn();
  assert.equal(supervisor.status()[0]?.totals.invocations, 20);
});

test('a killed function costs a pause: another process carries on, nothing is lost, repeated or contradicted', async (t) => {
  const { log, reader, supervisor } = await openHouse(t);
  const { runId } = await ask(log, 'words 60 5');
  for (const word of ['word5 ', 'word20 ', 'word40 ']) {
    await reader.until(() => reader.text(runId).includes(word), `it says ${word}`);
    assert.ok(supervisor.killEnvironment(runId) !== undefined);
  }
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(reader.text(runId), words(60));
  assert.equal(run.attempts.length, 4);
  assert.deepEqual(reader.contradictions, []);
  assert.equal(new Set(run.attempts.map(({ environment }) => environment.pid)).size, 4);
  // Part ids are made anew by each attempt; readers know only the first one's.
  const textIds = new Set(chunksOf(reader.events, runId).flatMap(({ id }) => (id === undefined ? [] : [id])));
  assert.deepEqual([...textIds], ['text-1']);
});

test('a function that says something else after a kill ends superseded, and a sibling has the whole of the new text', async (t) => {
  const { log, reader, supervisor } = await openHouse(t);
  const { runId, messageId } = await ask(log, 'vary 30 5');
  await reader.until(() => reader.text(runId).includes('first9 '), 'some words');
  supervisor.killEnvironment(runId);
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'superseded');
  assert.ok(words(30, 'first').startsWith(reader.text(runId)));
  const siblingId = run.ended?.supersededBy ?? '';
  const sibling = await reader.ended(siblingId);
  assert.equal(sibling.outcome, 'done');
  assert.equal(sibling.supersedes, runId);
  assert.equal(sibling.messageId, messageId);
  assert.equal(sibling.attempt, 1);
  assert.equal(reader.text(siblingId), words(30, 'second'));
  const [start] = chunksOf(reader.events, siblingId);
  assert.deepEqual(start, { type: 'start', messageId: sibling.replyId });
  assert.deepEqual(reader.contradictions, []);
});

test('two supervisors that both believe in every partition race, one wins each run, and the other appends nothing', async (t) => {
  const memory = await memoryLog();
  const log = overLog(memory, { join: (request) => memory.join({ ...request, group: newId() }) });
  const first = await openHouse(t, { log, isExclusive: false });
  const second = await openHouse(t, { log, isExclusive: false });
  for (const { supervisor } of [first, second])
    await until(() => supervisor.status()[0]?.partitions?.length === 4, 'it has every partition');
  const questions = await Promise.all(Array.from({ length: 6 }, () => ask(log, 'words 20 3')));
  for (const { runId } of questions) {
    const run = await first.reader.ended(runId);
    assert.equal(run.outcome, 'done');
    assert.equal(run.attempts.length, 1);
    assert.equal(first.reader.text(runId), words(20));
    const actors = new Set(
      first.reader.events.filter((event) => runOf(event) === runId && event.type === 'chunk').map(({ actor }) => actor),
    );
    assert.deepEqual([...actors], [run.owner]);
  }
  assert.deepEqual(first.reader.contradictions, []);
  assert.notEqual(first.supervisor.owner, second.supervisor.owner);
});

test('a supervisor that is closed in mid-run hands over: the next one carries on from what stands', async (t) => {
  const log = await memoryLog();
  const former = await supervise({ log, topic, functions: [answerFunction()], isExclusive: true });
  const { runId } = await ask(log, 'words 60 5');
  const { reader } = await openHouse(t, { log, functions: [], isExclusive: false });
  await reader.until(() => reader.text(runId).includes('word10 '), 'some words');
  await former.close();
  assert.equal(reader.run(runId)?.phase, 'running');
  const shown = reader.text(runId);
  await openHouse(t, { log });
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.ok(shown.length > 0);
  assert.equal(reader.text(runId), words(60));
  assert.equal(run.attempts.length, 2);
  assert.deepEqual(reader.contradictions, []);
});

test('a supervisor takes over from one that has gone silent when its lease has ended, and not before', async (t) => {
  const log = await memoryLog();
  const silent = await supervise({
    log,
    topic,
    functions: [answerFunction({ leaseMs: 400 })],
    isExclusive: true,
  });
  const { runId } = await ask(log, 'words 60 5');
  const { reader } = await openHouse(t, {
    log,
    isExclusive: false,
    functions: [answerFunction({ leaseMs: 400 })],
  });
  await reader.until(() => reader.text(runId).includes('word10 '), 'some words');
  await silent.close();
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(reader.text(runId), words(60));
  const [first, second] = run.attempts;
  assert.ok(second!.startedMs - (first!.lastChunkMs ?? 0) >= 400, 'the lease was waited for');
  assert.deepEqual(reader.contradictions, []);
});

test('a run that is silent for long keeps its lease', async (t) => {
  const { log, reader } = await openHouse(t, {
    functions: [answerFunction({ leaseMs: 200, stopGraceMs: 50 })],
  });
  const question = await ask(log, 'fault hang');
  await reader.until(
    () => reader.events.filter(({ type }) => type === 'lease-renewed').length >= 4,
    'the lease is renewed',
  );
  assert.equal(reader.run(question.runId)?.attempt, 1);
  await requestStop(log, question);
  assert.equal((await reader.ended(question.runId)).outcome, 'stopped');
});

function runOf(event: PlacedEvent): string | undefined {
  return 'run' in event ? event.run : undefined;
}

function chunksOf(events: readonly PlacedEvent[], runId: string): Record<string, unknown>[] {
  return events.flatMap((event) => (event.type === 'chunk' && event.run === runId ? event.payload.chunks : []));
}
