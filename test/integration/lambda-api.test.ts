// AWS Lambda's API with AWS's own client, and function URLs, over a gateway on a port and real function processes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { APIGatewayProxyEventV2Schema } from '@aws-lambda-powertools/parser/schemas/api-gatewayv2';
import { LambdaFunctionUrlSchema } from '@aws-lambda-powertools/parser/schemas/lambda';
import {
  GetFunctionCommand,
  GetFunctionUrlConfigCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  ListAliasesCommand,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  type InvokeCommandInput,
  type InvokeWithResponseStreamCompleteEvent,
  type TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { silentLogger, systemClock, systemRandom, ulids } from '@throughline/event';
import type { Listener } from '@throughline/gateway';
import { functionDefaults } from '../../packages/functions/src/defaults.ts';
import { Invoker } from '../../packages/functions/src/invoker/invoker.ts';
import type { InvokerConfig } from '../../packages/functions/src/invoker/invoker-config.ts';
import type { HostedFunction } from '../../packages/functions/src/lambda/hosted-function.ts';
import { createLambdaApi } from '../../packages/functions/src/lambda/lambda-api.ts';
import type { AsyncEvent } from '../../packages/functions/src/triggers/trigger.ts';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';
import { entryOf } from './functions-harness.ts';

let scripted: ScriptedGateway;
let listener: Listener;
let client: LambdaClient;
let scratchDir: string;
const functions = new Map<string, HostedFunction>();
const accepted: AsyncEvent[] = [];

function add(name: string, config: Partial<InvokerConfig>, url?: HostedFunction['url']): void {
  const invoker = new Invoker({
    config: { ...functionDefaults, name, entry: entryOf('http'), env: {}, secrets: {}, spareCount: 0, ...config },
    clock: systemClock,
    logger: silentLogger,
    scratchDir,
    compileCacheDir: undefined,
    newId: ulids(systemClock, systemRandom),
  });
  functions.set(name, { invoker, url, routes: [] });
}

before(async () => {
  scratchDir = mkdtempSync(path.join(tmpdir(), 'throughline-lambda-'));
  add('buffered', {}, { responseMode: 'BUFFERED' });
  add('streaming', { handler: 'streaming' }, { responseMode: 'RESPONSE_STREAM' });
  add('hasty', { timeoutMs: 300 }, { responseMode: 'RESPONSE_STREAM' });
  add('broken', { entry: entryOf('broken') }, { responseMode: 'BUFFERED' });
  add('crowded', { environmentsMax: 1, queueLengthMax: 1 }, { responseMode: 'BUFFERED' });
  add('reserved', { reservedConcurrency: 1 });
  add('off', { reservedConcurrency: 0 }, { responseMode: 'BUFFERED' });
  add('private', {});
  const accept = async (event: AsyncEvent): Promise<void> => void accepted.push(event);
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const api = createLambdaApi({ functions, accept, readFile, ...shared });
  scripted = await scriptedGateway({ functions: api });
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
  client = new LambdaClient({
    endpoint: listener.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
});
after(async () => {
  client.destroy();
  await scripted.close();
  await Promise.all(Array.from(functions.values(), ({ invoker }) => invoker.close()));
  rmSync(scratchDir, { recursive: true });
});

const invoke = async (FunctionName: string, asked: unknown, more: Partial<InvokeCommandInput> = {}) => {
  const answer = await client.send(
    new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(asked)), ...more }),
  );
  return { ...answer, payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()) as unknown };
};
const invokeLater = (FunctionName: string, text: string) =>
  client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(text), InvocationType: 'Event' }));
const named = (name: string) => (error: unknown) => (error as Error).name === name;
const url = (name: string, rest = '/'): string => `${listener.url}/lambda-url/${name}${rest}`;
const post = (name: string, asked: unknown): Promise<Response> =>
  fetch(url(name), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(asked) });

describe('Invoke', () => {
  test('answers with what the handler returned, its version, and the end of its log', async () => {
    const { payload, StatusCode, ExecutedVersion, FunctionError, LogResult } = await invoke(
      'buffered',
      { answer: [1, 'a'] },
      { LogType: 'Tail' },
    );
    assert.deepEqual([payload, StatusCode, ExecutedVersion, FunctionError], [[1, 'a'], 200, '$LATEST', undefined]);
    const lines = Buffer.from(LogResult ?? '', 'base64').toString();
    assert.match(lines, /^START RequestId: [\s\S]*asked answer\n[\s\S]*END RequestId: [\s\S]*REPORT RequestId: .*\n$/);
  });

  test('gives the context its ARN, client context and request id, and the event as it was sent', async () => {
    const clientContext = Buffer.from(JSON.stringify({ custom: { a: 1 } })).toString('base64');
    const { payload, $metadata } = await invoke(
      'buffered',
      { n: 1 },
      { ClientContext: clientContext, Qualifier: '$LATEST' },
    );
    const { event, context } = payload as { event: unknown; context: Record<string, unknown> };
    assert.deepEqual(event, { n: 1 });
    assert.equal(context['awsRequestId'], $metadata.requestId);
    assert.deepEqual(context['clientContext'], { custom: { a: 1 } });
    assert.equal(context['functionName'], 'buffered');
    assert.match(String(context['invokedFunctionArn']), /:function:buffered:\$LATEST$/);
    assert.ok(Number(context['remaining']) > functionDefaults.timeoutMs - 10_000);
    // It once had the time to load on top.
    const cold = await invoke('hasty', {});
    const { remaining } = (cold.payload as { context: { remaining: number } }).context;
    assert.ok(remaining > 0 && remaining <= 300, `${remaining} ms remain of 300 after a cold start`);
  });

  test('takes every form of a name, and nothing sent as an empty object', async () => {
    for (const name of [
      'arn:aws:lambda:eu-central-1:123456789012:function:buffered',
      '123456789012:function:buffered',
      'buffered:$LATEST',
    ])
      assert.equal((await invoke(name, { answer: name })).payload, name);
    const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'buffered' }));
    assert.deepEqual((JSON.parse(Buffer.from(Payload ?? []).toString()) as { event: unknown }).event, {});
  });

  test('keeps every digit of a number on its way to a function', async () => {
    const address = `${listener.url}/2015-03-31/functions/buffered/invocations`;
    const answer = await fetch(address, { method: 'POST', body: ' {"answer":{"n":1e2}} ' });
    assert.deepEqual(await answer.json(), { n: 100 });
  });

  test('tells of a function that throws, ends, takes too long or cannot be loaded as Lambda does', async () => {
    const threw = await invoke('buffered', { throws: 'too far' });
    assert.deepEqual([threw.StatusCode, threw.FunctionError], [200, 'Unhandled']);
    const { errorType, errorMessage, trace } = threw.payload as {
      errorType: string;
      errorMessage: string;
      trace: string[];
    };
    assert.deepEqual([errorType, errorMessage, trace[0]], ['RangeError', 'too far', 'RangeError: too far']);

    const exited = (await invoke('buffered', { exits: 3 })).payload as Record<string, string>;
    assert.equal(exited['errorType'], 'Runtime.ExitError');
    assert.match(exited['errorMessage'] ?? '', /^RequestId: [0-9a-f-]{36} Error: .*3/);

    const late = (await invoke('hasty', { sleeps: true })).payload as Record<string, string>;
    assert.equal(late['errorType'], 'Sandbox.Timedout');
    assert.match(late['errorMessage'] ?? '', /^RequestId: [0-9a-f-]{36} Error: Task timed out after 0\.30 seconds$/);

    const broken = await invoke('broken', {});
    assert.deepEqual([broken.StatusCode, broken.FunctionError], [200, 'Unhandled']);
  });

  test('a process that ends for an error that nobody caught gets no more calls', async () => {
    for (let round = 0; round < 5; round++) {
      const strayed = (await invoke('buffered', { strays: 'later' })).payload as Record<string, string>;
      assert.deepEqual([strayed['errorType'], strayed['errorMessage']], ['Error', 'later']);
      assert.equal((await invoke('buffered', { answer: round })).payload, round);
    }
  });

  test('answers 6 MiB, and one that is larger as a failed invocation', async () => {
    assert.equal(((await invoke('buffered', { bytes: 6 * 1024 * 1024 })).payload as string).length, 6 * 1024 * 1024);
    const { FunctionError, payload } = await invoke('buffered', { bytes: 6 * 1024 * 1024 + 101 });
    assert.equal(FunctionError, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
      trace: [],
    });
    assert.equal((await invoke('buffered', { answer: 'still there' })).payload, 'still there');
  });

  test('DryRun calls nothing', async () => {
    const before = functions.get('private')!.invoker.status().totals.invocations;
    assert.equal(
      (await client.send(new InvokeCommand({ FunctionName: 'private', InvocationType: 'DryRun' }))).StatusCode,
      204,
    );
    assert.equal(functions.get('private')!.invoker.status().totals.invocations, before);
  });

  test('is rejected by the names of AWS: unknown function, version, type of invocation, body, context, size', async () => {
    const rejects = async (name: string, FunctionName: string, more: Partial<InvokeCommandInput> = {}): Promise<void> =>
      assert.rejects(client.send(new InvokeCommand({ FunctionName, ...more })), named(name));
    await rejects('ResourceNotFoundException', 'nobody');
    await rejects('ResourceNotFoundException', 'buffered', { Qualifier: '7' });
    await rejects('InvalidParameterValueException', 'buffered:$LATEST', { Qualifier: '7' });
    await rejects('InvalidParameterValueException', 'a b');
    const twice = '/2015-03-31/functions/buffered/invocations?Qualifier=$LATEST&Qualifier=1';
    assert.equal((await fetch(listener.url + twice, { method: 'POST' })).status, 400);
    await rejects('InvalidRequestContentException', 'buffered', { Payload: Buffer.from('{') });
    await rejects('InvalidRequestContentException', 'buffered', { Payload: Buffer.from([0x22, 0xff, 0x22]) });
    await rejects('InvalidRequestContentException', 'buffered', { ClientContext: 'e30x' });
    await rejects('InvalidParameterValueException', 'buffered', { LogType: 'All' as 'Tail' });
    await rejects('InvalidParameterValueException', 'buffered', { InvocationType: 'Later' as 'Event' });
    await rejects('RequestTooLargeException', 'buffered', { Payload: Buffer.alloc(6 * 1024 * 1024 + 101, ' ') });
  });

  test('answers 202 once an event is kept that is to be called later', async () => {
    const answer = await invokeLater('buffered', '{"n":12345678901234567890}');
    assert.deepEqual([answer.StatusCode, Buffer.from(answer.Payload ?? []).toString()], [202, '']);
    const event = { functionName: 'buffered', event: '{"n":12345678901234567890}', origin: 'api' };
    assert.deepEqual(accepted, [{ ...event, id: answer.$metadata.requestId }]);
  });

  test('beyond its concurrency and its queue a function is throttled, and nothing that was taken is lost', async () => {
    const first = invoke('crowded', { answer: 1 });
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, answer) => invoke('crowded', { answer })));
    assert.equal((await first).payload, 1);
    const throttled = results.filter(({ status }) => status === 'rejected');
    assert.ok(throttled.length > 0 && throttled.length < 8, `${throttled.length} of 8`);
    for (const result of throttled)
      assert.ok(named('TooManyRequestsException')((result as PromiseRejectedResult).reason));
  });

  test('beyond its reserved concurrency nobody waits, and the reason is AWS’s', async () => {
    for (const [name, count] of [
      ['reserved', 1],
      ['off', 4],
    ] as const) {
      const results = await Promise.allSettled(
        Array.from({ length: 4 }, async (_, answer) => invoke(name, { answer })),
      );
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      assert.equal(reasons.length, name === 'off' ? count : 3);
      for (const reason of reasons) {
        const { Reason, retryAfterSeconds } = reason as TooManyRequestsException;
        assert.deepEqual([Reason, retryAfterSeconds], ['ReservedFunctionConcurrentInvocationLimitExceeded', '1']);
      }
    }
    assert.equal((await post('off', {})).status, 429);
  });
});

describe('InvokeWithResponseStream', () => {
  const stream = async (FunctionName: string, asked: unknown) => {
    const Payload = Buffer.from(JSON.stringify(asked));
    const { EventStream = [] } = await client.send(
      new InvokeWithResponseStreamCommand({ FunctionName, Payload, LogType: 'Tail' }),
    );
    const chunks: string[] = [];
    let complete: InvokeWithResponseStreamCompleteEvent | undefined;
    for await (const event of EventStream) {
      if (event.PayloadChunk !== undefined) chunks.push(Buffer.from(event.PayloadChunk.Payload ?? []).toString());
      if (event.InvokeComplete !== undefined) complete = event.InvokeComplete;
    }
    return { chunks, complete };
  };

  test('passes on each write by itself, and ends with the log', async () => {
    const { chunks, complete } = await stream('streaming', { writes: ['a', 'bc'] });
    assert.deepEqual(chunks, ['a', 'bc']);
    assert.match(Buffer.from(complete?.LogResult ?? '', 'base64').toString(), /REPORT RequestId/);
    assert.equal(complete?.ErrorCode, undefined);
  });

  test('has the prelude and eight NUL bytes in front of the body', async () => {
    const { chunks } = await stream('streaming', { head: { statusCode: 201 }, writes: ['body'] });
    assert.equal(chunks.join(''), `{"statusCode":201}${'\0'.repeat(8)}body`);
  });

  test('tells in the end of a failure behind the first bytes', async () => {
    const { chunks, complete } = await stream('streaming', { writes: ['half'], throws: 'no more' });
    assert.deepEqual(chunks, ['half']);
    assert.equal(complete?.ErrorCode, 'RangeError');
    assert.equal((await stream('streaming', { writes: ['half'], destroys: 'broken' })).complete?.ErrorCode, 'Error');
    assert.equal((JSON.parse(complete?.ErrorDetails ?? '{}') as { errorMessage?: string }).errorMessage, 'no more');
  });

  test('gives the whole value of a handler that does not stream', async () => {
    assert.deepEqual((await stream('buffered', { answer: { a: 1 } })).chunks, ['{"a":1}']);
  });

  test('is rejected before it begins for a function that is not there', async () => {
    await assert.rejects(stream('nobody', {}), named('ResourceNotFoundException'));
  });
});

describe('the description of functions', () => {
  test('lists them, and shows one with its hash and its URL', async () => {
    const { Functions = [] } = await client.send(new ListFunctionsCommand({}));
    assert.deepEqual(
      Functions.map(({ FunctionName }) => FunctionName),
      [...functions.keys()],
    );
    const { Configuration, Code } = await client.send(new GetFunctionCommand({ FunctionName: 'hasty' }));
    assert.equal(Configuration?.Timeout, 1);
    assert.equal(Configuration?.Handler, 'http.handler');
    assert.ok((Configuration?.CodeSize ?? 0) > 100 && Configuration?.CodeSha256?.length === 44);
    assert.match(Code?.Location ?? '', /^file:.*http\.ts$/);
    const { FunctionUrl, InvokeMode } = await client.send(new GetFunctionUrlConfigCommand({ FunctionName: 'hasty' }));
    assert.deepEqual([FunctionUrl, InvokeMode], [url('hasty'), 'RESPONSE_STREAM']);
    await assert.rejects(
      client.send(new GetFunctionUrlConfigCommand({ FunctionName: 'private' })),
      named('ResourceNotFoundException'),
    );
  });

  test('there is one version, and no alias; publishing one is not built', async () => {
    const { Versions = [] } = await client.send(new ListVersionsByFunctionCommand({ FunctionName: 'private' }));
    assert.deepEqual(
      Versions.map(({ Version, FunctionArn }) => [Version, FunctionArn?.split(':').slice(-2)]),
      [['$LATEST', ['private', '$LATEST']]],
    );
    assert.deepEqual((await client.send(new ListAliasesCommand({ FunctionName: 'private' }))).Aliases, []);
    const unknown = new ListAliasesCommand({ FunctionName: 'nobody' });
    await assert.rejects(client.send(unknown), named('ResourceNotFoundException'));
    await assert.rejects(client.send(new PublishVersionCommand({ FunctionName: 'private' })), /is not there; docs/);
  });

  test('what is not built says so', async () => {
    const answer = await fetch(`${listener.url}/2015-03-31/event-source-mappings/`);
    assert.deepEqual([answer.status, answer.headers.get('x-amzn-errortype')], [501, 'ServiceException']);
    assert.equal(((await answer.json()) as { code: string }).code, 'NOT_BUILT_YET');
  });
});

describe('a function URL', () => {
  const eventOf = async (rest: string, init: RequestInit): Promise<Record<string, unknown>> => {
    const answer = await fetch(url('buffered', rest), init);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { event: Record<string, unknown> }).event;
  };

  test('gives the event of payload format 2.0, as AWS Powertools know it', async () => {
    const event = await eventOf('/a%20b/c?x=1&y=%20&x=2', {
      method: 'DELETE',
      headers: { cookie: 'a=b; c=d', 'X-Some': 'Text' },
    });
    LambdaFunctionUrlSchema.parse(event);
    APIGatewayProxyEventV2Schema.parse(event);
    assert.equal(event['rawPath'], '/a%20b/c');
    assert.equal(event['rawQueryString'], 'x=1&y=%20&x=2');
    assert.deepEqual(event['queryStringParameters'], { x: '1,2', y: ' ' });
    assert.deepEqual(event['cookies'], ['a=b', 'c=d']);
    assert.equal((event['headers'] as Record<string, string>)['x-some'], 'Text');
    const { http, time } = event['requestContext'] as { http: Record<string, string>; time: string };
    assert.deepEqual([http['method'], http['path'], http['sourceIp']], ['DELETE', '/a%20b/c', '127.0.0.1']);
    assert.match(time, /^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    assert.deepEqual([event['body'], event['isBase64Encoded']], [undefined, false]);
  });

  test('passes text on as text, and all else in Base64', async () => {
    const text = await eventOf('', {
      method: 'POST',
      body: 'ä',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    });
    assert.deepEqual([text['body'], text['isBase64Encoded'], text['rawPath']], ['ä', false, '/']);
    for (const type of ['application/x-www-form-urlencoded', 'image/png', 'application/octet-stream']) {
      const event = await eventOf('', {
        method: 'POST',
        body: new Uint8Array([0, 255]),
        headers: { 'content-type': type },
      });
      assert.deepEqual([event['body'], event['isBase64Encoded']], ['AP8=', true], type);
    }
  });

  test('answers with status, headers, cookies and bytes, or with the value as JSON', async () => {
    const answer = {
      statusCode: 201,
      headers: { 'X-One': 1, 'content-type': 'image/png', 'transfer-encoding': 'gzip' },
      cookies: ['a=b', 'c=d'],
      body: 'AP8=',
      isBase64Encoded: true,
    };
    const whole = await post('buffered', { answer });
    assert.deepEqual(
      [whole.status, whole.headers.get('x-one'), whole.headers.get('content-type')],
      [201, '1', 'image/png'],
    );
    assert.deepEqual(whole.headers.getSetCookie(), ['a=b', 'c=d']);
    assert.deepEqual([...new Uint8Array(await whole.arrayBuffer())], [0, 255]);
    for (const value of ['text', { a: 1 }, null, [1]]) {
      const json = await post('buffered', { answer: value });
      assert.deepEqual([json.status, json.headers.get('content-type')], [200, 'application/json']);
      assert.deepEqual(await json.json(), value);
    }
    assert.equal((await post('buffered', { answer: { statusCode: 204 } })).status, 204);
    assert.equal((await fetch(url('buffered'), { method: 'HEAD' })).status, 200);
  });

  test('streams what is written as it is written, with the head that was set', async () => {
    const head = { statusCode: 206, headers: { 'content-type': 'text/plain' }, cookies: ['a=b'] };
    const answer = await post('streaming', { head, writes: ['one ', 'two'] });
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [206, 'text/plain']);
    assert.deepEqual(answer.headers.getSetCookie(), ['a=b']);
    assert.equal(await answer.text(), 'one two');
    const plain = await post('streaming', { writes: ['x'] });
    assert.deepEqual([plain.status, plain.headers.get('content-type')], [200, 'application/octet-stream']);
    assert.equal(
      (await post('streaming', { contentType: 'text/event-stream', writes: ['x'] })).headers.get('content-type'),
      'text/event-stream',
    );
    const empty = await post('streaming', { head: { statusCode: 202 } });
    assert.deepEqual([empty.status, await empty.text()], [202, '']);
    // Nobody reads a body that an answer must not have: the function does not wait for a reader.
    const writes = Array.from({ length: 40 }, () => 'x'.repeat(16 * 1024));
    const bare = await post('streaming', { head: { statusCode: 204 }, writes });
    assert.deepEqual([bare.status, await bare.text()], [204, '']);
    while (functions.get('streaming')!.invoker.status().running > 0) await new Promise(setImmediate);
  });

  test('never ends cleanly when its function fails in the middle', async () => {
    // The head may be lost with the connection.
    for (const end of [{ throws: 'no more' }, { destroys: 'broken' }, { endsTwice: true }])
      await assert.rejects(
        async () => (await post('streaming', { writes: ['half'], ...end })).text(),
        JSON.stringify(end),
      );
  });

  test('answers a failure with 502 or 504 and our coded JSON', async () => {
    for (const [name, asked, status, code] of [
      ['buffered', { throws: 'too far' }, 502, 'FUNCTION_ERROR'],
      ['streaming', { throws: 'too far' }, 502, 'FUNCTION_ERROR'],
      ['buffered', { exits: 1 }, 502, 'FUNCTION_EXITED'],
      ['hasty', { sleeps: true }, 504, 'FUNCTION_TIMED_OUT'],
      ['broken', {}, 502, 'FUNCTION_INIT_FAILED'],
      ['buffered', { answer: { statusCode: 99 } }, 502, 'FUNCTION_ERROR'],
      ['buffered', { answer: { statusCode: 200, body: 7 } }, 502, 'FUNCTION_ERROR'],
      ['buffered', { answer: { statusCode: 200, headers: { 'a b': 'c' } } }, 502, 'FUNCTION_ERROR'],
      ['buffered', { answer: { statusCode: 101 } }, 502, 'FUNCTION_ERROR'],
      ['streaming', { head: { headers: { 'a\nb': 'c' } }, writes: ['x'] }, 502, 'FUNCTION_ERROR'],
      ['streaming', { head: { statusCode: 999 }, writes: ['x'] }, 502, 'FUNCTION_ERROR'],
      ['streaming', { head: 5, writes: ['x'] }, 502, 'FUNCTION_ERROR'],
      ['streaming', { head: { headers: 5 } }, 502, 'FUNCTION_ERROR'],
      ['buffered', { answer: { statusCode: 200, body: '!!', isBase64Encoded: true } }, 502, 'FUNCTION_ERROR'],
      ['nobody', {}, 404, 'UNKNOWN_FUNCTION'],
      ['private', {}, 404, 'NOT_FOUND'],
    ] as const) {
      const answer = await post(name, asked);
      const { error } = (await answer.json()) as { error: { code: string } };
      assert.deepEqual([answer.status, error.code], [status, code], `${name} ${JSON.stringify(asked)}`);
    }
    assert.equal((await fetch(url('%62uffered'))).status, 200);
    const large = await fetch(url('buffered'), { method: 'POST', body: new Uint8Array(6 * 1024 * 1024 + 101) });
    assert.equal(large.status, 413);
  });

  test('a reader that goes away does not end the function, and one that is slow makes it wait', async () => {
    const { invoker } = functions.get('streaming')!;
    const writes = Array.from({ length: 64 }, () => 'x'.repeat(64 * 1024));
    const before = invoker.status().totals.invocations;
    const abort = new AbortController();
    const answer = await fetch(url('streaming'), {
      method: 'POST',
      signal: abort.signal,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ writes }),
    });
    await answer.body?.getReader().read();
    abort.abort();
    while (invoker.status().totals.invocations === before) await new Promise(setImmediate);
    assert.equal(invoker.status().lastInvocation?.isError, false);
  });
});
