// Functions in Python: the contract that functions in Node.js have, with processes of the machine's own Python. Skipped
// loudly where there is none.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import {
  createFunctionHost,
  type FunctionConfig,
  type FunctionHost,
  type FunctionRuntime,
} from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { PythonFinder } from '../../packages/throughline/src/dev/python-finder.ts';

const handlers = path.resolve(import.meta.dirname, '../../packages/functions/test-handlers');
const skip =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0
    ? false
    : 'no Python 3.10';

const log = new MemoryLog();
let host: FunctionHost;
let runtime: FunctionRuntime;

function configOf(name: string, config: Partial<FunctionConfig>): FunctionConfig {
  return { name, runtime, entry: path.join(handlers, 'http_handler.py'), spareCount: 0, ...config };
}

describe('a function in Python', { skip }, () => {
  before(() => {
    runtime = new PythonFinder(import.meta.dirname).find('functions.test').runtime;
    host = createFunctionHost({
      log,
      functions: [
        configOf('buffered', { env: { A: '1' } }),
        configOf('hasty', { timeoutMs: 300 }),
        configOf('asynchronous', { handler: 'asynchronous', url: { responseMode: 'BUFFERED' } }),
        configOf('streaming', { handler: 'streaming', url: { responseMode: 'RESPONSE_STREAM' } }),
        configOf('streaming-asynchronous', {
          handler: 'streaming_asynchronous',
          url: { responseMode: 'RESPONSE_STREAM' },
        }),
        configOf('nested', { handler: 'nested.method' }),
        configOf('missing', { handler: 'nobody' }),
        configOf('no-function', { handler: 'nested' }),
        configOf('broken-syntax', { entry: path.join(handlers, 'broken_syntax.py') }),
        configOf('broken-import', { entry: path.join(handlers, 'broken_import.py') }),
        configOf('broken-start', { entry: path.join(handlers, 'broken_start.py') }),
      ],
    });
  });
  after(() => host.close());

  const caller = { sourceIp: '127.0.0.1', cut: undefined };
  const invoke = async (name: string, asked: unknown, headers: Record<string, string> = {}) => {
    const body = JSON.stringify(asked);
    const address = `http://localhost/2015-03-31/functions/${name}/invocations`;
    const request = new Request(address, { method: 'POST', body, headers: { 'x-amz-log-type': 'Tail', ...headers } });
    const response = await host.lambda.fetch(request, caller);
    const log = Buffer.from(response.headers.get('x-amz-log-result') ?? '', 'base64').toString();
    const value: unknown = JSON.parse(await response.text());
    return { value, log, isError: response.headers.has('x-amz-function-error'), status: response.status };
  };
  const errorOf = async (name: string, asked: unknown = {}) => {
    const { value, isError } = await invoke(name, asked);
    assert.equal(isError, true, name);
    return value as { errorType: string; errorMessage: string; trace?: string[] };
  };
  const post = (name: string, asked: unknown): Promise<Response> => {
    const init = { method: 'POST', body: JSON.stringify(asked), headers: { 'content-type': 'application/json' } };
    return host.lambda.fetchUrl(new Request(`http://localhost/lambda-url/${name}/`, init), caller);
  };

  test('gets its event exactly and Lambda’s context, and answers with any JSON', async () => {
    const custom = Buffer.from(JSON.stringify({ custom: { a: 1 } })).toString('base64');
    const { value, log } = await invoke('buffered', { n: 1 }, { 'x-amz-client-context': custom });
    const { event, context, env } = value as { event: unknown; context: Record<string, unknown>; env: string[] };
    assert.deepEqual(event, { n: 1 });
    const { awsRequestId, remaining, ...known } = context;
    assert.match(String(awsRequestId), /^[0-9a-f-]{36}$/);
    assert.ok(Number(remaining) > 100_000);
    assert.deepEqual(known, {
      functionName: 'buffered',
      memoryLimitInMB: '512',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:buffered',
      custom: { a: 1 },
    });
    assert.ok(env.includes('A') && env.includes('AWS_LAMBDA_FUNCTION_NAME') && !env.includes('npm_config_cache'));
    assert.match(
      log,
      new RegExp(
        `^asked n\n\\[WARNING\\]\t\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\t${String(awsRequestId)}\tlogged$`,
        'm',
      ),
    );
    const cold = (await invoke('hasty', {})).value as { context: { remaining: number } };
    assert.ok(cold.context.remaining > 0 && cold.context.remaining <= 300);
    for (const answer of [null, 'ä', 2 ** 60, [1.5, { a: [] }], true]) {
      assert.deepEqual((await invoke('buffered', { answer })).value, answer);
    }
    assert.equal((await invoke('nested', {})).value, 'nested');
    assert.deepEqual((await invoke('asynchronous', { a: 1 })).value, { asked: { a: 1 } });
  });

  test('fails as on Lambda: what it raises, an exit, its time-out, what has no JSON, what is too large', async () => {
    const raised = await errorOf('buffered', { throws: 'too far' });
    assert.deepEqual([raised.errorType, raised.errorMessage], ['ValueError', 'too far']);
    assert.match(raised.trace?.[0] ?? '', /^ {2}File ".*http_handler\.py", line \d+, in handler\n/);
    assert.equal(raised.trace?.length, 1);
    const exited = await errorOf('buffered', { exits: 3 });
    assert.equal(exited.errorType, 'Runtime.ExitError');
    assert.match(exited.errorMessage, /code 3$/);
    const late = await errorOf('hasty', { sleeps: true });
    assert.match(late.errorMessage, /Task timed out after 0\.30 seconds$/);
    const circular = await errorOf('buffered', { circular: true });
    assert.deepEqual(
      [circular.errorType, circular.errorMessage],
      ['Runtime.MarshalError', 'Unable to marshal response: Circular reference detected'],
    );
    assert.equal(
      (await errorOf('buffered', { bytes: 6 * 1024 * 1024 + 200 })).errorType,
      'Function.ResponseSizeTooLarge',
    );
    assert.equal((await invoke('buffered', { answer: 'still there' })).value, 'still there');
  });

  test('that cannot be loaded says why, by the names of AWS’s runtime', async () => {
    for (const [name, type, message] of [
      ['missing', 'Runtime.HandlerNotFound', /^Handler 'nobody' missing on module 'http_handler'$/],
      ['no-function', 'Runtime.HandlerNotFound', /cannot be called/],
      ['broken-syntax', 'Runtime.UserCodeSyntaxError', /broken_syntax\.py, line 1/],
      ['broken-import', 'Runtime.ImportModuleError', /No module named 'a_module_that_nobody_has'/],
      ['broken-start', 'RuntimeError', /^not today$/],
    ] as const) {
      const { errorType, errorMessage } = await errorOf(name);
      assert.equal(errorType, type);
      assert.match(errorMessage, message);
    }
  });

  test('that is a generator streams what it yields, behind a head that it may set', async () => {
    const head = { statusCode: 206, headers: { 'content-type': 'text/plain' }, cookies: ['a=b'] };
    const answer = await post('streaming', { head, writes: ['one ', 'zwölf'] });
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [206, 'text/plain']);
    assert.deepEqual(answer.headers.getSetCookie(), ['a=b']);
    assert.equal(await answer.text(), 'one zwölf');
    assert.equal(await (await post('streaming-asynchronous', { writes: ['a', 'b'] })).text(), 'ab');
    const large = 'x'.repeat(600_000);
    assert.equal((await (await post('streaming', { writes: [large, 'y'] })).text()).length, 600_001);
    await assert.rejects(async () => (await post('streaming', { writes: ['half'], throws: 'no more' })).text());
    for (const asked of [{ throws: 'at once' }, { yields: 7 }]) {
      await assert.rejects(post('streaming', asked), (error) => ThroughlineError.is(error, 'FUNCTION_ERROR'));
    }
  });

  test('that is asked to stop is told so, and goes on serving', async () => {
    const { invoker } = host.functions.get('streaming-asynchronous')!;
    const abort = new AbortController();
    const sink = { write: () => abort.abort() };
    const event = JSON.stringify({ writes: ['begun'], sleeps: true });
    const { error, metering } = await invoker.invoke({ requestId: 'id', event }, sink, abort.signal);
    assert.equal(error?.code, 'INVOCATION_CANCELLED');
    assert.ok((await metering.logLines).includes('cancelled True'));
    assert.equal(await (await post('streaming-asynchronous', { writes: ['again'] })).text(), 'again');
    assert.equal(invoker.status().environments.length, 1);
  });

  test('serves one invocation at a time in a process, and is told so where more are asked for', async () => {
    assert.throws(
      () => createFunctionHost({ log, functions: [configOf('many', { invocationsPerEnvironment: 2 })] }),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, (_, answer) => invoke('buffered', { answer })));
    assert.deepEqual(
      answers.map(({ value }) => value),
      Array.from({ length: 20 }, (_, index) => index),
    );
  });
});
