// Settings of asynchronous invocations by AWS's own client: what is put holds for the events of a real function, beside the
// configuration and after a restart.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  DeleteFunctionEventInvokeConfigCommand,
  GetAccountSettingsCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionEventInvokeConfigsCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionEventInvokeConfigCommand,
  type PutFunctionEventInvokeConfigCommandInput,
} from '@aws-sdk/client-lambda';
import { fromUtf8, ThroughlineError } from '@throughline/event';
import { createFunctionHost, type FunctionHost } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';
import { entryOf, until } from './functions-harness.ts';

const log = new MemoryLog();
let host: FunctionHost;
let scripted: ScriptedGateway;
let client: LambdaClient;

async function start(): Promise<void> {
  const entry = entryOf('http');
  host = createFunctionHost({
    log,
    functions: [
      { name: 'worker', entry, spareCount: 0, retryDelaysMs: [0] },
      { name: 'configured', entry, spareCount: 0, maximumRetryAttempts: 1, onFailure: 'bus:told' },
      { name: 'notify', entry, spareCount: 0 },
    ],
  });
  scripted = await scriptedGateway({ functions: host.lambda });
  const listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
  client = new LambdaClient({
    endpoint: listener.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
}

async function stop(): Promise<void> {
  client.destroy();
  await scripted.close();
  await host.close();
}

before(start);
after(stop);

const named = (name: string) => (error: unknown) => (error as Error).name === name;
const put = (more: Partial<PutFunctionEventInvokeConfigCommandInput>) =>
  client.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: 'worker', ...more }));
const get = (FunctionName: string) => client.send(new GetFunctionEventInvokeConfigCommand({ FunctionName }));
const queueArn = 'arn:aws:sqs:eu-central-1:123456789012:failed';

/** What topic `topic` holds, as JSON. */
async function valuesOf(topic: string): Promise<readonly unknown[]> {
  try {
    const { partitions } = await log.admin.describeTopic(topic);
    const reads = await Promise.all(partitions.map(({ partition }) => log.read({ topic, partition, offset: 0n })));
    return reads.flatMap(({ records }) => records.map(({ value }) => JSON.parse(fromUtf8(value!)) as unknown));
  } catch (error) {
    if (ThroughlineError.is(error, 'UNKNOWN_TOPIC')) return [];
    throw error;
  }
}

interface Failure {
  readonly requestContext: {
    readonly requestId: string;
    readonly approximateInvokeCount: number;
    readonly condition: string;
  };
}

/** Has the function fail, and waits for what becomes of that. */
async function fail(topic: string): Promise<Failure['requestContext']> {
  const Payload = Buffer.from('{"throws":"never"}');
  const { $metadata } = await client.send(
    new InvokeCommand({ FunctionName: 'worker', InvocationType: 'Event', Payload }),
  );
  let found: Failure | undefined;
  await until(async () => {
    const all = (await valuesOf(topic)) as readonly Failure[];
    found = all.find(({ requestContext }) => requestContext.requestId === $metadata.requestId);
    return found !== undefined;
  }, `the failure of ${$metadata.requestId} on ${topic}`);
  return found!.requestContext;
}

test('nothing is set at first, and what is put is answered, read and listed', async () => {
  await assert.rejects(get('worker'), named('ResourceNotFoundException'));
  await assert.rejects(
    client.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName: 'worker', MaximumRetryAttempts: 1 })),
    named('ResourceNotFoundException'),
  );
  const answer = await put({
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
    DestinationConfig: { OnFailure: { Destination: queueArn } },
  });
  assert.match(answer.FunctionArn ?? '', /:function:worker:\$LATEST$/);
  assert.ok(Math.abs(Number(answer.LastModified) - Date.now()) < 60_000);
  const { $metadata: _, ...set } = answer;
  const { $metadata: __, ...read } = await get('worker');
  assert.deepEqual(read, set);
  assert.deepEqual(
    [read.MaximumRetryAttempts, read.MaximumEventAgeInSeconds, read.DestinationConfig],
    [0, 60, { OnSuccess: {}, OnFailure: { Destination: queueArn } }],
  );
  const listed = await client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName: 'worker' }));
  assert.deepEqual(listed.FunctionEventInvokeConfigs, [set]);
});

test('it holds for events at once, an update changes what it names, and a restart changes nothing', async () => {
  const { approximateInvokeCount, condition } = await fail('queue.failed');
  assert.deepEqual([approximateInvokeCount, condition], [1, 'RetriesExhausted']);
  await client.send(new UpdateFunctionEventInvokeConfigCommand({ FunctionName: 'worker', MaximumRetryAttempts: 1 }));
  assert.equal((await fail('queue.failed')).approximateInvokeCount, 2);
  await stop();
  await start();
  assert.equal((await fail('queue.failed')).approximateInvokeCount, 2);
  assert.equal((await get('worker')).MaximumEventAgeInSeconds, 60);
});

test('put says all anew, and delete takes it away', async () => {
  await put({ MaximumEventAgeInSeconds: 90 });
  const { MaximumRetryAttempts, DestinationConfig } = await get('worker');
  assert.deepEqual([MaximumRetryAttempts, DestinationConfig], [undefined, { OnSuccess: {}, OnFailure: {} }]);
  await client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName: 'worker' }));
  await assert.rejects(get('worker'), named('ResourceNotFoundException'));
  await assert.rejects(
    client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName: 'worker' })),
    named('ResourceNotFoundException'),
  );
});

test('what the configuration says is read, replaced, and there again once that is deleted', async () => {
  const configured = {
    OnSuccess: {},
    OnFailure: { Destination: 'arn:aws:events:us-east-1:000000000000:event-bus/told' },
  };
  const read = await get('configured');
  assert.deepEqual([read.MaximumRetryAttempts, read.DestinationConfig], [1, configured]);
  await assert.rejects(
    client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName: 'configured' })),
    /is in throughline\.config\.ts/,
  );
  await client.send(
    new UpdateFunctionEventInvokeConfigCommand({ FunctionName: 'configured', MaximumRetryAttempts: 2 }),
  );
  const updated = await get('configured');
  assert.deepEqual([updated.MaximumRetryAttempts, updated.DestinationConfig], [2, configured]);
  await client.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName: 'configured' }));
  assert.equal((await get('configured')).MaximumRetryAttempts, 1);
});

test('every destination that AWS has here is taken and answered as it was said, and the others are rejected', async () => {
  const taken = [
    'arn:aws:lambda:eu-central-1:123456789012:function:notify',
    queueArn,
    'arn:aws:events:eu-central-1:123456789012:event-bus/told',
    'kafka://results',
  ];
  for (const Destination of taken) {
    const { DestinationConfig } = await put({ DestinationConfig: { OnSuccess: { Destination } } });
    assert.deepEqual(DestinationConfig, { OnSuccess: { Destination }, OnFailure: {} });
  }
  const rejected = [
    'arn:aws:sns:eu-central-1:123456789012:told',
    'arn:aws:s3:::told',
    'arn:aws:lambda:eu-central-1:123456789012:function:nobody',
    'arn:aws:lambda:eu-central-1:123456789012:function:worker',
    'kafka://a b',
    'somewhere',
  ];
  for (const Destination of rejected) {
    const DestinationConfig = { OnSuccess: { Destination } };
    await assert.rejects(put({ DestinationConfig }), named('InvalidParameterValueException'), Destination);
  }
  for (const more of [
    {},
    { MaximumRetryAttempts: 3 },
    { MaximumEventAgeInSeconds: 59 },
    { MaximumRetryAttempts: 0.5 },
  ]) {
    await assert.rejects(put(more), named('InvalidParameterValueException'));
  }
  await assert.rejects(get('nobody'), named('ResourceNotFoundException'));
});

test('the settings of the account count functions and what they may run at once', async () => {
  const { AccountLimit, AccountUsage } = await client.send(new GetAccountSettingsCommand({}));
  assert.equal(AccountUsage?.FunctionCount, 3);
  assert.ok((AccountUsage?.TotalCodeSize ?? 0) > 300);
  const atOnce = Array.from(host.functions.values(), ({ invoker: { config } }) => config).reduce(
    (sum, { environmentsMax, invocationsPerEnvironment }) => sum + environmentsMax * invocationsPerEnvironment,
    0,
  );
  assert.equal(AccountLimit?.ConcurrentExecutions, atOnce);
});
