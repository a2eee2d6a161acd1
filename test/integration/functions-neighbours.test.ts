// Several invocations share a process. What one of them does to it must cost the others a pause, and not their answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '@throughline/event';
import { answerFunction, ask, openHouse, words } from './functions-harness.ts';

const shared = {
  environmentsMax: 2,
  invocationsPerEnvironment: 8,
  memoryMb: 192,
  timeoutMs: 2000,
  unresponsiveMs: 400,
  stopGraceMs: 200,
} as const;

const faults: readonly [does: string, question: string, code: ErrorCode][] = [
  ['exits', 'fault exit', 'FUNCTION_EXITED'],
  ['loops for ever', 'fault loop', 'FUNCTION_TIMED_OUT'],
  ['leaks', 'fault leak-buffers', 'FUNCTION_OUT_OF_MEMORY'],
  ['throws where nobody catches', 'fault throw-later', 'FUNCTION_ERROR'],
];
for (const [does, question, code] of faults) {
  test(`a handler that ${does} ends ${code}; those beside it in its process are answered`, async (t) => {
    const { log, reader } = await openHouse(t, { functions: [answerFunction(shared)] });
    const neighbours = await Promise.all(Array.from({ length: 5 }, () => ask(log, 'words 40 10')));
    const { runId: culprit } = await ask(log, question);
    const run = await reader.ended(culprit);
    assert.deepEqual([run.outcome, run.ended?.error?.code], ['failed', code], JSON.stringify(run.ended));
    for (const { runId } of neighbours) {
      const { outcome, ended } = await reader.ended(runId);
      assert.equal(outcome, 'done', JSON.stringify(ended));
      assert.equal(reader.text(runId), words(40));
    }
    assert.deepEqual(reader.contradictions, []);
  });
}

test('a process that is only busy with its own is left alone', async (t) => {
  const { log, reader } = await openHouse(t, { functions: [answerFunction({ ...shared, unresponsiveMs: 600 })] });
  const questions = await Promise.all(Array.from({ length: 8 }, () => ask(log, 'words 60 10')));
  for (const { runId } of questions) {
    const run = await reader.ended(runId);
    assert.deepEqual([run.outcome, run.attempts.length], ['done', 1]);
  }
});
