// Lambda's contract of a function, from outside: one suite for whatever runs handlers, our own runtimes over the framed pipe and
// clients of AWS's Runtime API alike. It calls through AWS's API, as a user would.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
  createFunctionHost,
  type FunctionConfig,
  type FunctionHost,
  type FunctionRuntime,
} from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';

export const contractDir: string = path.resolve(import.meta.dirname, '../fixtures/contract');

export interface ContractedRuntime {
  /** Runs the handler `name` of `module`, which is `contract` or `broken`. */
  readonly config: (module: string, name: string) => Pick<FunctionConfig, 'runtime' | 'entry' | 'handler'>;
  /** The type of error of an answer that has no JSON. */
  readonly circular: string;
  /** The type of what broken.* throws. */
  readonly broken: string;
  /** The `inner.outer` of contract.mjs is there. */
  readonly hasNested: boolean;
}

interface Failure {
  readonly errorType: string;
  readonly errorMessage: string;
}

/** Declares the tests of a runtime. */
export function contractSuite(name: string, skip: string | false, runtime: () => ContractedRuntime): void {
  test(`${name}: Lambda’s contract of a function`, { skip }, async (t) => {
    const { config, circular, broken, hasNested } = runtime();
    const functionOf = (called: string, module = 'contract', handler = 'handler'): FunctionConfig => ({
      name: called,
      spareCount: 0,
      invocationsPerEnvironment: 1,
      env: { OWN: 'own' },
      ...config(module, handler),
    });
    const host = createFunctionHost({
      log: new MemoryLog(),
      functions: [
        functionOf('contract'),
        { ...functionOf('hasty'), timeoutMs: 1000 },
        functionOf('broken', 'broken'),
        ...(hasNested ? [functionOf('nested', 'contract', 'inner.outer')] : []),
      ],
    });
    t.after(() => host.close());
    const call = (event: unknown, called?: string) => invoke(host, called ?? 'contract', event);
    const failureOf = async (event: unknown, called?: string): Promise<string[]> => {
      const { value, isError } = await call(event, called);
      assert.ok(isError);
      const { errorType, errorMessage } = value as Failure;
      return [errorType, errorMessage];
    };

    await t.test('event, context, variables and the lines of its log', async () => {
      const { value, log, id } = await call({ a: [1, 'ä', null] });
      const { remainingMs, variables, ...known } = value as Record<string, unknown>;
      const arn = 'arn:aws:lambda:us-east-1:000000000000:function:contract';
      assert.deepEqual(known, { event: { a: [1, 'ä', null] }, id, arn, name: 'contract', hasInherited: false });
      assert.ok(Number(remainingMs) > 0 && Number(remainingMs) <= 120_000, String(remainingMs));
      assert.deepEqual(variables, [contractDir, 'contract.handler', '512', 'own']);
      assert.match(log, new RegExp(`^START RequestId: ${id} [^]*END RequestId: ${id}\nREPORT RequestId: ${id}\t`));
      assert.match((await call({ do: 'print' })).log, /no newline/);
      assert.equal((await call({ do: 'nothing' })).value, null);
      if (hasNested) assert.equal((await call({}, 'nested')).value, 'nested');
    });

    await t.test('what is thrown, has no JSON or is too large fails, and the process goes on', async () => {
      const before = await call({});
      assert.deepEqual(await failureOf({ do: 'fail' }), ['OddError', 'too far']);
      assert.equal((await failureOf({ do: 'circular' }))[0], circular);
      const most = 6 * 1024 * 1024 + 100;
      assert.equal(JSON.stringify((await call({ do: 'large', bytes: most })).value).length, most);
      const [type, message = ''] = await failureOf({ do: 'large', bytes: most + 1 });
      assert.equal(type, 'Function.ResponseSizeTooLarge');
      assert.match(message, /6291556 bytes/);
      assert.ok(!before.isError && !(await call({})).log.includes('Init Duration'));
    });

    await t.test(
      'an exit, a time-out and an error of loading have Lambda’s types, and the next call is served',
      async () => {
        assert.equal((await failureOf({ do: 'exit' }))[0], 'Runtime.ExitError');
        assert.ok(!(await call({})).isError);
        assert.match((await failureOf({ do: 'wait' }, 'hasty'))[1] ?? '', /Task timed out after 1\.00 seconds$/);
        assert.ok(!(await call({}, 'hasty')).isError);
        const [type, message = ''] = await failureOf({}, 'broken');
        assert.equal(type, broken);
        assert.match(message, /not today/);
      },
    );
  });
}

/** Declares the tests of response streaming in Node.js. */
export function streamingSuite(name: string, skip: string | false, runtime: () => FunctionRuntime): void {
  test(`${name}: a streamed answer has its prelude, and an error in its middle cuts it`, { skip }, async (t) => {
    const host = createFunctionHost({
      log: new MemoryLog(),
      functions: ['streaming', 'breaking'].map((handler) => ({
        name: handler,
        runtime: runtime(),
        entry: path.join(contractDir, 'streaming.mjs'),
        handler,
        invocationsPerEnvironment: 1,
        url: { responseMode: 'RESPONSE_STREAM' },
      })),
    });
    t.after(() => host.close());
    const caller = { sourceIp: '127.0.0.1', cut: undefined };
    const ask = (url: string) => host.lambda.fetchUrl(new Request(`http://localhost/lambda-url/${url}/`), caller);
    const response = await ask('streaming');
    assert.deepEqual([response.status, response.headers.get('x-own')], [201, 'own']);
    assert.equal(await response.text(), 'first, second');
    await assert.rejects((await ask('breaking')).text());
  });
}

/** Calls a function by AWS's API. */
export async function invoke(host: FunctionHost, called: string, event: unknown) {
  const request = new Request(`http://localhost/2015-03-31/functions/${called}/invocations`, {
    method: 'POST',
    body: JSON.stringify(event),
    headers: { 'x-amz-log-type': 'Tail' },
  });
  const { headers, ...response } = await host.lambda
    .fetch(request, { sourceIp: '127.0.0.1', cut: undefined })
    .then(async (answer) => ({ headers: answer.headers, text: await answer.text() }));
  return {
    value: JSON.parse(response.text) as unknown,
    isError: headers.has('x-amz-function-error'),
    log: Buffer.from(headers.get('x-amz-log-result') ?? '', 'base64').toString(),
    id: headers.get('x-amzn-requestid'),
  };
}
