import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, type ErrorBody } from '@throughline/event';
import type { FoldStatus } from '@throughline/fold';
import { getReadiness } from './status.ts';

const away = new ThroughlineError('LOG_UNREACHABLE', 'no broker answers');

async function readiness(
  phase: FoldStatus['phase'],
  lastError?: ErrorBody,
  problem?: ThroughlineError,
  defect?: ErrorBody,
  topicProblem?: ThroughlineError,
) {
  const status = { phase, ...(lastError === undefined ? {} : { lastError }) } as FoldStatus;
  const response = getReadiness({
    conversations: { index: { status: () => status }, tail: { problem, topicProblem } },
    neighbours: { warnings: () => [], trouble: () => defect },
  });
  const { error } = (await response.json()) as { readonly error?: ErrorBody };
  return [response.status, error?.code];
}

test('what is not ready says why, whoever has met it first', async () => {
  assert.deepEqual(await readiness('live'), [200, undefined]);
  assert.deepEqual(await readiness('catching-up', away.toJSON()), [503, 'LOG_UNREACHABLE']);
  // The tail has noticed, and the index has not yet.
  assert.deepEqual(await readiness('live', undefined, away), [503, 'LOG_UNREACHABLE']);
  const defect = new ThroughlineError('INTERNAL', 'a defect').toJSON();
  assert.deepEqual(await readiness('live', undefined, undefined, defect), [503, 'INTERNAL']);
  assert.deepEqual(await readiness('live', undefined, away, defect), [503, 'LOG_UNREACHABLE']);
  // Why the log cannot be read is said, and not only that.
  const gone = new ThroughlineError('TOPIC_DELETED', 'it is gone');
  assert.deepEqual(await readiness('live', undefined, away, undefined, gone), [503, 'TOPIC_DELETED']);
});

test('a warning keeps nobody from being ready', async () => {
  const status = { phase: 'live' } as FoldStatus;
  const grown = new ThroughlineError('TOPIC_GROWN', 'it has more partitions');
  const response = getReadiness({
    conversations: { index: { status: () => status }, tail: { problem: undefined, topicProblem: undefined } },
    neighbours: { warnings: () => [grown], trouble: () => undefined },
  });
  assert.equal(response.status, 200);
  const { ready, warnings } = (await response.json()) as { readonly ready: boolean; readonly warnings: ErrorBody[] };
  assert.deepEqual([ready, warnings[0]?.code], [true, 'TOPIC_GROWN']);
});
