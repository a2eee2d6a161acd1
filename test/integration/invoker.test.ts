// The invoker with real processes and no log: what any caller of a function gets from it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { silentLogger, systemClock, systemRandom, ulids } from '@throughline/event';
import { functionDefaults } from '../../packages/functions/src/defaults.ts';
import type {
  InvocationRequest,
  InvocationSink,
  Settlement,
} from '../../packages/functions/src/invoker/invocation-contract.ts';
import { Invoker } from '../../packages/functions/src/invoker/invoker.ts';
import type { InvokerConfig } from '../../packages/functions/src/invoker/invoker-config.ts';
import { newRequestId } from '../../packages/functions/src/invoker/request-id.ts';
import { entryOf } from './functions-harness.ts';

function open(t: { after(action: () => Promise<void>): void }, config: Partial<InvokerConfig> = {}) {
  const scratchDir = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  const invoker = new Invoker({
    config: { name: 'invoked', entry: entryOf('invoked'), env: {}, secrets: {}, ...functionDefaults, ...config },
    clock: systemClock,
    logger: silentLogger,
    scratchDir,
    compileCacheDir: undefined,
    newId: ulids(systemClock, systemRandom),
  });
  t.after(async () => {
    await invoker.close();
    rmSync(scratchDir, { recursive: true });
  });
  const invoke = (
    event: unknown,
    sink: InvocationSink = { write: () => {} },
    request: Partial<InvocationRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Settlement> =>
    invoker.invoke({ requestId: newRequestId(systemRandom), event: JSON.stringify(event), ...request }, sink, signal);
  return { invoker, invoke };
}

test('a value, the context of its request, its log lines and its metering', async (t) => {
  const { invoker, invoke } = open(t);
  const request = { requestId: 'id-1', clientContext: { a: 1 }, traceId: 'Root=1', invokedFunctionArn: 'arn:x' };
  const { value, error, head, metering } = await invoke({ do: 'echo' }, undefined, request);
  assert.deepEqual(JSON.parse(value ?? ''), {
    event: { do: 'echo' },
    awsRequestId: 'id-1',
    clientContext: { a: 1 },
    xRayTraceId: 'Root=1',
    invokedFunctionArn: 'arn:x',
  });
  assert.deepEqual([error, head], [undefined, undefined]);
  assert.equal(metering.isCold, true);
  assert.ok(metering.initMs! > 0 && metering.billedMs >= metering.initMs!);
  if (process.platform === 'linux') assert.ok(metering.memoryBytesMax > 10_000_000);
  assert.equal(metering.environmentId, invoker.status().environments[0]?.id);
  const lines = await metering.logLines;
  assert.match(lines[0] ?? '', /^START RequestId: id-1 /);
  assert.match(lines.at(-1) ?? '', /^REPORT RequestId: id-1\tDuration: .*Init Duration: /);
  const warm = await invoke({ do: 'nothing' });
  assert.deepEqual([warm.value, warm.metering.isCold, warm.metering.initMs], ['null', false, undefined]);
});

test('the head of an HTTP answer comes before its bytes, and is part of the settlement', async (t) => {
  const { invoke } = open(t, { handler: 'streaming' });
  const heard: string[] = [];
  const sink: InvocationSink = {
    head: (head) => void heard.push(JSON.stringify(head)),
    write: (bytes) => void heard.push(bytes.toString()),
  };
  const { head, value, error } = await invoke({ do: 'head' }, sink);
  assert.deepEqual(head, {
    contentType: 'application/vnd.awslambda.http-integration-response',
    statusCode: 418,
    headers: { a: 'b' },
    cookies: ['c=d'],
  });
  assert.equal(heard[0], JSON.stringify(head));
  assert.equal(heard.slice(1).join(''), 'short and stout');
  assert.deepEqual([value, error], [undefined, undefined]);
});

test('what a handler throws, and a process that exits, in the shape of the Runtime API with our code', async (t) => {
  const { invoke } = open(t);
  const { error: thrown } = await invoke({ do: 'throw' });
  const { code, errorType, errorMessage, thrownCode, isRetriable, trace = [] } = thrown ?? {};
  assert.deepEqual(
    [code, errorType, errorMessage, thrownCode, isRetriable],
    ['FUNCTION_ERROR', 'RangeError', 'too far', 'FAR', false],
  );
  assert.ok(trace.length > 1);
  const { error: exited } = await invoke({ do: 'exit' });
  assert.deepEqual(
    [exited?.code, exited?.errorType, exited?.isRetriable],
    ['FUNCTION_EXITED', 'Runtime.ExitError', true],
  );
});

test('a time-out of its own, and a caller that stops waiting', async (t) => {
  const { invoke } = open(t);
  const { error } = await invoke({ do: 'wait' }, undefined, { timeoutMs: 100 });
  assert.deepEqual([error?.code, error?.errorType], ['FUNCTION_TIMED_OUT', 'Sandbox.Timedout']);
  const stop = new AbortController();
  const cancelled = await invoke(
    { do: 'wait' },
    { started: () => void nextTurn().then(() => stop.abort()), write: () => {} },
    {},
    stop.signal,
  );
  assert.equal(cancelled.error?.code, 'INVOCATION_CANCELLED');
});

test('a sink that does not take the output makes the handler wait, and loses nothing of it', async (t) => {
  const { invoke, invoker } = open(t, { handler: 'streaming' });
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let bytesTaken = 0;
  const settled = invoke(
    { do: 'flood' },
    {
      write(bytes) {
        bytesTaken += bytes.length;
        first.resolve();
        return promise;
      },
    },
  );
  await first.promise;
  // Another function's whole life is time enough to fill what would take it.
  await open(t).invoke({ do: 'echo' });
  // What fits into the pipe and into one read.
  assert.ok(bytesTaken < 2 * 1024 * 1024, `${bytesTaken} bytes`);
  assert.equal(invoker.status().running, 1);
  resolve();
  const { error, metering } = await settled;
  assert.equal(error, undefined);
  assert.equal(bytesTaken, 400 * 64 * 1024);
  assert.ok((await metering.logLines).length > 100);
});
