// AWS's Runtime API with custom runtimes: whatever program asks it for work is the function's runtime, and what it gets wrong
// is told as AWS tells it. Real processes, no log.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger, systemClock, systemRandom, ulids } from '@throughline/event';
import { createFunctionHost, type FunctionConfig } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { functionDefaults, lambdaLimits } from '../../packages/functions/src/defaults.ts';
import type { InvocationRequest, Settlement } from '../../packages/functions/src/invoker/invocation-contract.ts';
import { Invoker } from '../../packages/functions/src/invoker/invoker.ts';
import type { InvokerConfig } from '../../packages/functions/src/invoker/invoker-config.ts';
import { newRequestId } from '../../packages/functions/src/invoker/request-id.ts';

const runtimes = path.resolve(import.meta.dirname, '../fixtures/runtimes');
const provided = { kind: 'provided', name: 'provided.al2023' } as const;
const hasCurl = spawnSync('curl', ['--version']).status === 0;

function open(t: TestContext, config: Partial<InvokerConfig> = {}, program = 'node') {
  const scratchDir = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  const entry = path.join(runtimes, program, 'bootstrap');
  const invoker = new Invoker({
    config: {
      ...functionDefaults,
      name: 'custom',
      entry,
      env: {},
      secrets: {},
      spareCount: 0,
      runtime: provided,
      ...config,
    },
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
  const written: Buffer[] = [];
  const invoke = (event: unknown, request: Partial<InvocationRequest> = {}): Promise<Settlement> => {
    written.length = 0;
    const sink = { write: (bytes: Buffer) => void written.push(bytes) };
    const made = { requestId: newRequestId(systemRandom), event: JSON.stringify(event), ...request };
    return invoker.invoke(made, sink, new AbortController().signal);
  };
  const valueOf = async (event: unknown): Promise<unknown> => JSON.parse((await invoke(event)).value ?? 'undefined');
  const errorOf = async (event: unknown): Promise<string[]> => {
    const { error } = await invoke(event);
    return [error?.code ?? '', error?.errorType ?? '', error?.errorMessage ?? ''];
  };
  return { invoker, invoke, valueOf, errorOf, written };
}

interface Echo {
  readonly event: unknown;
  readonly headers: Record<string, string>;
  readonly env: Record<string, string>;
  readonly before: unknown[];
  readonly cwd: string;
  readonly words: string[];
}

test('a custom runtime gets Lambda’s headers and variables, and its answer is the value', async (t) => {
  const { invoke } = open(t, { handler: 'function.handler', env: { OWN: '1' } });
  const { value, error, metering } = await invoke(
    { big: 1 },
    { requestId: 'id-1', traceId: 'Root=1', clientContext: { a: 'ä' }, invokedFunctionArn: 'arn:x' },
  );
  assert.equal(error, undefined);
  const { event, headers, env, cwd, words } = JSON.parse(value ?? '') as Echo;
  assert.deepEqual(event, { big: 1 });
  assert.equal(headers['lambda-runtime-aws-request-id'], 'id-1');
  assert.equal(headers['lambda-runtime-trace-id'], 'Root=1');
  assert.equal(headers['lambda-runtime-invoked-function-arn'], 'arn:x');
  assert.deepEqual(JSON.parse(headers['lambda-runtime-client-context'] ?? ''), { a: 'ä' });
  const remainingMs = Number(headers['lambda-runtime-deadline-ms']) - Date.now();
  assert.ok(remainingMs > 0 && remainingMs <= functionDefaults.timeoutMs, String(remainingMs));
  assert.deepEqual(
    [env['_HANDLER'], env['LAMBDA_TASK_ROOT'], env['AWS_LAMBDA_FUNCTION_NAME'], env['OWN'], cwd, words],
    ['function.handler', path.join(runtimes, 'node'), 'custom', '1', path.join(runtimes, 'node'), []],
  );
  assert.match(env['AWS_LAMBDA_RUNTIME_API'] ?? '', /^127\.0\.0\.1:\d+$/);
  assert.equal(env['npm_config_cache'], undefined);
  assert.ok(metering.isCold && metering.initMs! > 0);
  const second = (await invoke({})).metering;
  assert.deepEqual([second.isCold, second.environmentId], [false, metering.environmentId]);
});

test('what is no JSON is a string, and an answer may have 6 MiB and 100 bytes', async (t) => {
  const { valueOf, invoke, errorOf } = open(t);
  assert.equal(await valueOf({ do: 'text' }), 'plain text');
  const { value } = await invoke({ do: 'large', bytes: lambdaLimits.payloadBytesMax });
  assert.equal(value?.length, lambdaLimits.payloadBytesMax);
  assert.deepEqual(((await valueOf({})) as Echo).before, [202]);
  const [, errorType, message] = await errorOf({ do: 'large', bytes: lambdaLimits.payloadBytesMax + 1 });
  assert.equal(errorType, 'Function.ResponseSizeTooLarge');
  assert.match(message ?? '', /6291556 bytes/);
  assert.deepEqual(((await valueOf({})) as Echo).before, [413]);
});

test('wrong requests have AWS’s answers, and disturb nobody', async (t) => {
  const { valueOf, errorOf } = open(t);
  assert.deepEqual(await valueOf({ do: 'wrong' }), [403, 400, 400, 404, 403, 404]);
  assert.deepEqual(((await valueOf({})) as Echo).before, [202, '{"status":"OK"}', 403]);
  assert.equal((await errorOf({ do: 'odd-mode' }))[1], 'Runtime.InvalidResponseModeHeader');
  assert.deepEqual(((await valueOf({})) as Echo).before, [400]);
});

test('a streamed answer has its prelude, its bytes and its error', async (t) => {
  const { invoke, written, errorOf } = open(t);
  const prelude = { statusCode: 201, headers: { a: 'b' }, cookies: ['c=d'] };
  const whole = await invoke({ do: 'stream', prelude });
  assert.deepEqual([whole.value, whole.error, Buffer.concat(written).toString()], [undefined, undefined, 'one two']);
  assert.deepEqual(whole.head, { contentType: 'application/vnd.awslambda.http-integration-response', ...prelude });
  const body = Buffer.from(JSON.stringify({ errorType: 'Late', errorMessage: 'too late', trace: [] }));
  const trailers = {
    'Lambda-Runtime-Function-Error-Type': 'Late',
    'Lambda-Runtime-Function-Error-Body': body.toString('base64'),
  };
  const broken = await invoke({ do: 'stream', trailers });
  assert.deepEqual([broken.head?.contentType, Buffer.concat(written).toString()], ['text/plain', 'one two']);
  assert.deepEqual([broken.error?.errorType, broken.error?.errorMessage], ['Late', 'too late']);
  assert.equal((await errorOf({ do: 'no-prelude' }))[1], 'Runtime.InvalidPrelude');
});

test('an error, an exit, a time-out and an answer that breaks off fail that invocation, and the next one is served', async (t) => {
  const { errorOf, valueOf, invoke } = open(t, { timeoutMs: 5000 });
  const failed = await invoke({ do: 'fail' });
  assert.deepEqual(
    [failed.error?.code, failed.error?.errorType, failed.error?.errorMessage, failed.error?.trace],
    ['FUNCTION_ERROR', 'OddError', 'it is odd', ['a', 'b']],
  );
  // The runtime prints it, as on AWS, and nobody else.
  assert.ok(!(await failed.metering.logLines).some((line) => line.includes('Invoke Error')));
  assert.equal((await errorOf({ do: 'fail-without-words' }))[1], 'Extension.Odd');
  assert.deepEqual((await errorOf({ do: 'break-off' })).slice(0, 2), ['FUNCTION_ERROR', 'Runtime.TruncatedResponse']);
  const exited = await invoke({ do: 'exit' });
  assert.deepEqual([exited.error?.code, exited.error?.errorType], ['FUNCTION_EXITED', 'Runtime.ExitError']);
  assert.ok((await exited.metering.logLines).includes('its last words'));
  const late = await invoke({ do: 'wait' }, { timeoutMs: 100 });
  assert.equal(late.error?.errorType, 'Sandbox.Timedout');
  assert.deepEqual(((await valueOf({ a: 1 })) as Echo).event, { a: 1 });
  // A process with nothing to wait for ends, and its invocation with it: at once, and not at its time-out.
  assert.deepEqual((await errorOf({ do: 'stop-waiting' })).slice(0, 2), ['FUNCTION_EXITED', 'Runtime.ExitError']);
  assert.equal(await valueOf({ do: 'answer-and-exit' }), 'done');
});

test('a runtime that cannot load, ends, asks for nothing or is no program says why', async (t) => {
  const failing = (config: Partial<InvokerConfig>, program?: string) => open(t, config, program).errorOf({});
  assert.deepEqual(await failing({ env: { INIT: 'error' } }), ['FUNCTION_INIT_FAILED', 'Odd.Init', 'not today']);
  assert.deepEqual((await failing({ env: { INIT: 'exit' } })).slice(0, 2), [
    'FUNCTION_INIT_FAILED',
    'Runtime.ExitError',
  ]);
  const never = await failing({ env: { INIT: 'never' }, initTimeoutMs: 300 });
  assert.deepEqual(never.slice(0, 2), ['FUNCTION_INIT_FAILED', 'Runtime.InitTimeout']);
  const missing = await failing({ entry: path.join(runtimes, 'sh', 'nobody') });
  assert.deepEqual(missing.slice(0, 2), ['FUNCTION_INIT_FAILED', 'Runtime.InvalidEntrypoint']);
});

test('a sink that does not take a streamed answer makes the runtime wait, and loses nothing of it', async (t) => {
  const { invoker, invoke } = open(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  let bytesTaken = 0;
  const write = (bytes: Buffer): Promise<void> => {
    bytesTaken += bytes.length;
    first.resolve();
    return promise;
  };
  const request = { requestId: 'flood', event: '{"do":"flood","count":400}' };
  const settled = invoker.invoke(request, { write }, new AbortController().signal);
  await first.promise;
  // Another process's whole life is time enough to fill what would take it.
  await open(t).invoke({});
  assert.ok(bytesTaken < 2 * 1024 * 1024, `${bytesTaken} bytes`);
  resolve();
  assert.equal((await settled).error, undefined);
  assert.equal(bytesTaken, 400 * 65_536);
  // 200 MB are the most.
  const { error } = await invoke({ do: 'flood', count: 3201 });
  assert.equal(error?.errorType, 'Function.ResponseSizeTooLarge');
});

test('with several invocations at once the runtime asks before it has answered, and is handed no more than that', async (t) => {
  const { invoke, invoker } = open(t, { invocationsPerEnvironment: 3, environmentsMax: 1 });
  const settled = await Promise.all(Array.from({ length: 20 }, (_, n) => invoke({ n })));
  const echoes = settled.map(({ value }) => JSON.parse(value ?? '') as Echo);
  assert.deepEqual(
    echoes.map(({ event }) => event),
    settled.map((_, n) => ({ n })),
  );
  assert.equal(echoes[0]?.env['AWS_LAMBDA_MAX_CONCURRENCY'], '3');
  const waiting = invoke({ do: 'wait' }, { timeoutMs: 20_000 });
  // Its neighbours go on beside one that does not answer.
  for (let n = 0; n < 5; n++) assert.equal((await invoke({ do: 'text' })).value, '"plain text"');
  assert.equal(invoker.status().environments.length, 1);
  await invoke({ do: 'exit' });
  assert.equal((await waiting).error?.errorType, 'Runtime.ExitError');
});

for (const [program, skip] of [
  ['sh', hasCurl ? false : 'no curl'],
  ['python', spawnSync('python3', ['--version']).status === 0 ? false : 'no Python'],
] as const) {
  test(`a runtime in ${program} serves invocations and a function URL`, { skip }, async (t) => {
    const config: FunctionConfig = {
      name: 'custom',
      runtime: provided,
      entry: path.join(runtimes, program, 'bootstrap'),
      handler: 'function.handler',
      url: { responseMode: 'BUFFERED' },
    };
    const host = createFunctionHost({ log: new MemoryLog(), functions: [config] });
    t.after(() => host.close());
    const caller = { sourceIp: '127.0.0.1', cut: undefined };
    for (const n of [1, 2, 3]) {
      const address = 'http://localhost/2015-03-31/functions/custom/invocations';
      const headers = { 'x-amz-log-type': 'Tail' };
      const asked = new Request(address, { method: 'POST', body: JSON.stringify({ n }), headers });
      const response = await host.lambda.fetch(asked, caller);
      assert.deepEqual(await response.json(), { asked: { n } });
      const log = Buffer.from(response.headers.get('x-amz-log-result') ?? '', 'base64').toString();
      assert.match(log, /^START .*\nasked function\.handler\nEND .*\nREPORT /s);
    }
    const response = await host.lambda.fetchUrl(new Request('http://localhost/lambda-url/custom/a?b=c'), caller);
    const { asked } = (await response.json()) as { asked: { version: string; rawPath: string } };
    assert.deepEqual([response.status, asked.version, asked.rawPath], [200, '2.0', '/a']);
  });
}
