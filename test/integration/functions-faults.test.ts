// Whatever a function does to its process, its run ends exactly once, with the code that says what happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fromUtf8, ThroughlineError, type ErrorCode, type ProducerRecord } from '@throughline/event';
import type { FunctionConfig } from '@throughline/functions';
import type { AppendAck } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { answerFunction, ask, entryOf, memoryLog, openHouse, words } from './functions-harness.ts';

interface Case {
  readonly does: string;
  readonly ask: string;
  readonly outcome: 'done' | 'failed' | 'stopped';
  readonly code?: ErrorCode;
  readonly attempts?: number;
  readonly config?: Partial<FunctionConfig>;
  readonly text?: string;
  readonly message?: RegExp;
}

const cases: Case[] = [
  { does: 'throws before any output', ask: 'throw-before', outcome: 'failed', code: 'FUNCTION_ERROR', text: '' },
  { does: 'throws in mid-answer', ask: 'throw-during', outcome: 'failed', code: 'FUNCTION_ERROR', text: words(3) },
  { does: 'throws after its end', ask: 'throw-after', outcome: 'failed', code: 'FUNCTION_ERROR', text: words(3) },
  { does: 'throws a coded error', ask: 'throw-coded', outcome: 'failed', code: 'MODEL_UNREACHABLE' },
  { does: 'throws where nobody catches', ask: 'throw-later', outcome: 'failed', code: 'FUNCTION_ERROR' },
  { does: 'leaves a rejection unhandled', ask: 'reject-later', outcome: 'failed', code: 'FUNCTION_ERROR' },
  { does: 'exits', ask: 'exit', outcome: 'failed', code: 'FUNCTION_EXITED', attempts: 5, message: /code 7/ },
  { does: 'exits once', ask: 'exit-once', outcome: 'done', attempts: 2, text: words(6) },
  {
    does: 'loops for ever',
    ask: 'loop',
    outcome: 'failed',
    code: 'FUNCTION_TIMED_OUT',
    config: { timeoutMs: 500 },
    text: words(3),
  },
  { does: 'never settles', ask: 'hang', outcome: 'failed', code: 'FUNCTION_TIMED_OUT', config: { timeoutMs: 300 } },
  {
    does: 'leaks objects',
    ask: 'leak-heap',
    outcome: 'failed',
    code: 'FUNCTION_OUT_OF_MEMORY',
    config: { memoryMb: 128 },
  },
  {
    does: 'leaks buffers',
    ask: 'leak-buffers',
    outcome: 'failed',
    code: 'FUNCTION_OUT_OF_MEMORY',
    config: { memoryMb: 128 },
  },
  { does: 'prints a lot', ask: 'noise', outcome: 'done', text: words(3) },
  { does: 'returns without an end', ask: 'return-early', outcome: 'failed', code: 'FUNCTION_INCOMPLETE' },
  { does: 'does not await its stream', ask: 'no-await', outcome: 'failed', code: 'FUNCTION_INCOMPLETE' },
  { does: 'writes no event stream', ask: 'garbage', outcome: 'failed', code: 'FUNCTION_OUTPUT_INVALID', text: '' },
  { does: 'writes broken JSON', ask: 'bad-json', outcome: 'failed', code: 'FUNCTION_OUTPUT_INVALID' },
  { does: 'ends in mid-event', ask: 'half-event', outcome: 'failed', code: 'FUNCTION_OUTPUT_INVALID' },
  { does: 'writes too large a chunk', ask: 'huge-chunk', outcome: 'failed', code: 'FUNCTION_OUTPUT_INVALID' },
  {
    does: 'writes too large a chunk of wide letters',
    ask: 'wide-chunk',
    outcome: 'failed',
    code: 'FUNCTION_OUTPUT_INVALID',
  },
  {
    does: 'writes a chunk that no record takes',
    ask: 'growing-chunk',
    outcome: 'failed',
    code: 'FUNCTION_OUTPUT_INVALID',
  },
  {
    does: 'writes a chunk that is nested 20,000 deep',
    ask: 'deep-chunk',
    outcome: 'failed',
    code: 'FUNCTION_OUTPUT_INVALID',
  },
  {
    does: 'throws an error of 12 MB',
    ask: 'throw-huge',
    outcome: 'failed',
    code: 'FUNCTION_ERROR',
    message: /x{4000}…$/,
  },
  { does: 'reports an error of 700 KB', ask: 'error-chunk-huge', outcome: 'failed', code: 'MODEL_REFUSED' },
  {
    does: 'writes to the descriptor of the supervisor',
    ask: 'fd3',
    outcome: 'failed',
    code: 'FUNCTION_EXITED',
    attempts: 2,
    config: { attemptsMax: 2 },
    message: /file descriptor 3/,
  },
  { does: 'reports a coded error', ask: 'error-chunk', outcome: 'failed', code: 'MODEL_CUT', text: words(2) },
  { does: 'reports an error', ask: 'plain-error-chunk', outcome: 'failed', code: 'FUNCTION_ERROR', text: '' },
  { does: 'aborts', ask: 'abort-chunk', outcome: 'stopped', text: words(2) },
];

for (const { does, ask: name, outcome, code, attempts = 1, config = {}, text, message } of cases) {
  test(`a handler that ${does} ends ${code ?? outcome}, once`, async (t) => {
    const { log, reader, logged } = await openHouse(t, { functions: [answerFunction(config)] });
    const { runId } = await ask(log, `fault ${name}`);
    const run = await reader.ended(runId);
    assert.equal(run.outcome, outcome, JSON.stringify(run.ended));
    assert.equal(run.ended?.error?.code, code);
    assert.equal(run.attempts.length, attempts);
    if (text !== undefined) assert.equal(reader.text(runId), text);
    if (message !== undefined) assert.match(run.ended?.error?.message ?? '', message);
    if (code !== undefined) assert.ok(run.ended?.error?.remedy !== '');
    assert.deepEqual(reader.contradictions, []);
    // The floor below it is unharmed: the next question is answered.
    const next = await ask(log, 'words 2');
    assert.equal((await reader.ended(next.runId)).outcome, 'done');
    assert.equal(reader.run(runId)?.droppedRecords, 0);
    assert.ok(logged.every(({ level }) => level !== 'error'));
  });
}

test('a handler that dies each time and says something else each time does not make siblings without end', async (t) => {
  const { log, reader } = await openHouse(t, { functions: [answerFunction({ attemptsMax: 3 })] });
  let { runId } = await ask(log, 'fault exit-vary');
  let run = await reader.ended(runId);
  let siblings = 0;
  while (run.outcome === 'superseded') {
    siblings++;
    runId = run.ended?.supersededBy ?? '';
    run = await reader.ended(runId);
  }
  assert.equal(run.ended?.error?.code, 'FUNCTION_EXITED');
  assert.equal(siblings, 2);
  assert.deepEqual(reader.contradictions, []);
});

test('a function that writes faster than the log takes it is made to wait', async (t) => {
  const log = new SlowLog();
  await log.admin.createTopic('conversations', { partitions: 1 });
  const { reader, logged } = await openHouse(t, { log });
  const wrote = (): number => logged.filter(({ fields }) => String(fields['line']).startsWith('wrote')).length;
  const { runId } = await ask(log, 'fault flood');
  log.hold(runId);
  // The time that another answer takes is enough to fill whatever would take it.
  const other = await ask(log, 'words 60 5');
  await reader.ended(other.runId);
  assert.ok(wrote() > 0);
  // What fits into the pipe and into what may wait: about 2 of 13 MB.
  assert.ok(wrote() < 60, `${wrote()} of 200 chunks were taken`);
  log.release();
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done', JSON.stringify(run.ended));
  assert.equal(reader.text(runId).length, 200 * 64 * 1024);
});

test('a full disk costs time: the records that it rejected are appended when there is room again', async (t) => {
  const log = new SlowLog();
  await log.admin.createTopic('conversations', { partitions: 1 });
  const { reader } = await openHouse(t, { log });
  const { runId } = await ask(log, 'words 60 5');
  await reader.until(() => reader.text(runId).includes('word5 '), 'some words');
  log.reject = 'OUT_OF_DISK';
  while (log.rejections < 2) await nextTurn();
  log.reject = undefined;
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(run.attempts.length, 1);
  assert.equal(reader.text(runId), words(60));
});

test('a run whose records the log rejected for good is carried on when the log takes them again', async (t) => {
  const log = new SlowLog();
  await log.admin.createTopic('conversations', { partitions: 1 });
  const { reader, logged } = await openHouse(t, { log, functions: [answerFunction({ leaseMs: 300 })] });
  const { runId } = await ask(log, 'words 60 5');
  await reader.until(() => reader.text(runId).includes('word5 '), 'some words');
  log.reject = 'PARTITION_OFFLINE';
  while (!logged.some(({ message }) => message.startsWith('attempt given up'))) await nextTurn();
  log.reject = undefined;
  const run = await reader.ended(runId);
  assert.equal(run.outcome, 'done');
  assert.equal(run.attempts.length, 2);
  assert.equal(reader.text(runId), words(60));
  assert.deepEqual(reader.contradictions, []);
});

/** A log that rejects or delays what a supervisor appends, and takes what anybody else does. */
class SlowLog extends MemoryLog {
  reject: ErrorCode | undefined;
  rejections = 0;
  #held: Promise<void> = Promise.resolve();
  #heldRunId = '';
  release: () => void = () => {};

  /** Answers no append of `runId` before `release`. */
  hold(runId: string): void {
    this.#heldRunId = runId;
    this.#held = new Promise((resolve) => (this.release = resolve));
  }

  override async append(topic: string, records: readonly ProducerRecord[]): Promise<readonly AppendAck[]> {
    const isSupervisors = records.some(({ headers = [] }) => headers.some(({ key }) => key === 'tl-attempt'));
    if (isSupervisors && this.reject !== undefined) {
      this.rejections++;
      throw new ThroughlineError(this.reject, 'as the test wants it');
    }
    const isHeld = records.some(({ headers = [] }) =>
      headers.some(({ key, value }) => key === 'tl-run' && value !== null && fromUtf8(value) === this.#heldRunId),
    );
    if (isSupervisors && isHeld) await this.#held;
    return super.append(topic, records);
  }
}

test('a function that cannot be loaded is reported once, and its runs end FUNCTION_INIT_FAILED', async (t) => {
  const { log, reader, supervisor, logged } = await openHouse(t, {
    functions: [answerFunction({ entry: entryOf('broken') })],
  });
  const reports = (): number => logged.filter(({ fields }) => fields['code'] === 'FUNCTION_INIT_FAILED').length;
  while (reports() === 0) await nextTurn();
  assert.match(supervisor.status()[0]?.initError?.message ?? '', /no such luck/);
  assert.deepEqual(supervisor.status()[0]?.environments, []);
  const { runId } = await ask(log, 'words 2');
  const run = await reader.ended(runId);
  assert.equal(run.ended?.error?.code, 'FUNCTION_INIT_FAILED');
  assert.match(run.ended.error.message, /no such luck/);
  assert.equal(run.attempts.length, 1);
});

const unloadable: [string, Partial<FunctionConfig>, ErrorCode, RegExp][] = [
  ['whose file is missing', { entry: entryOf('nowhere') }, 'FUNCTION_INIT_FAILED', /nowhere/],
  ['without the export', { handler: 'elsewhere' }, 'FUNCTION_INIT_FAILED', /no export "elsewhere"/],
  ['that takes a callback', { entry: entryOf('callback') }, 'FUNCTION_INIT_FAILED', /takes a callback/],
  ['that does not stream', { entry: entryOf('buffered') }, 'FUNCTION_OUTPUT_INVALID', /streamifyResponse/],
];
for (const [which, config, code, message] of unloadable) {
  test(`a run of a function ${which} ends ${code}`, async (t) => {
    const { log, reader } = await openHouse(t, { functions: [answerFunction(config)] });
    const { runId } = await ask(log, 'words 2');
    const run = await reader.ended(runId);
    assert.equal(run.ended?.error?.code, code);
    assert.match(run.ended.error.message, message);
  });
}

test('a run of a function that nobody knows ends UNKNOWN_FUNCTION', async (t) => {
  const { log, reader } = await openHouse(t);
  const { runId } = await ask(log, 'words 2', { functionName: 'nobody' });
  const run = await reader.ended(runId);
  assert.equal(run.ended?.error?.code, 'UNKNOWN_FUNCTION');
  assert.equal(run.attempt, 0);
});

test('a record that is no event is skipped and counted, and runs go on', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, { log: await memoryLog(1) });
  const encoder = new TextEncoder();
  const text = (value: string): Uint8Array => encoder.encode(value);
  const { runId } = await ask(log, 'words 2');
  await reader.ended(runId);
  await reader.close();
  await log.append('conversations', [{ key: text('conversations/x'), value: text('rubbish') }]);
  await supervisor.caughtUp();
  assert.equal(supervisor.reading().skippedRecords, 1);
});
