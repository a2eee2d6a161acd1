// Concurrency by AWS's own client, over real processes: what is put holds at once, and after a restart, until it is deleted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  DeleteFunctionConcurrencyCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  LambdaClient,
  ListProvisionedConcurrencyConfigsCommand,
  PutFunctionConcurrencyCommand,
  PutProvisionedConcurrencyConfigCommand,
} from '@aws-sdk/client-lambda';
import { createFunctionHost, type FunctionHost } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';
import { entryOf, until } from './functions-harness.ts';

const log = new MemoryLog();
let host: FunctionHost;
let scripted: ScriptedGateway;
let client: LambdaClient;

async function start(): Promise<void> {
  const shared = { entry: entryOf('http'), spareCount: 0, invocationsPerEnvironment: 1, environmentsMax: 1 };
  host = createFunctionHost({
    log,
    functions: [
      { ...shared, name: 'worker' },
      { ...shared, name: 'configured', reservedConcurrency: 3 },
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
const reserve = (count: number, FunctionName = 'worker') =>
  client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: count }));
const reserved = async (FunctionName = 'worker'): Promise<number | undefined> =>
  (await client.send(new GetFunctionConcurrencyCommand({ FunctionName }))).ReservedConcurrentExecutions;
const free = (FunctionName = 'worker') => client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
const latest = { FunctionName: 'worker', Qualifier: '$LATEST' };
const provision = (count: number) =>
  client.send(new PutProvisionedConcurrencyConfigCommand({ ...latest, ProvisionedConcurrentExecutions: count }));
const provisioned = () => client.send(new GetProvisionedConcurrencyConfigCommand(latest));
const invoke = async (): Promise<unknown> => {
  const { Payload } = await client.send(
    new InvokeCommand({ FunctionName: 'worker', Payload: Buffer.from('{"answer":1}') }),
  );
  return JSON.parse(Buffer.from(Payload ?? []).toString()) as unknown;
};
const environments = () => host.functions.get('worker')!.invoker.status().environments;

test('a function that has nothing reserved serves, one that has 0 is turned off, and deletion turns it on again', async () => {
  assert.equal(await reserved(), undefined);
  assert.equal(await invoke(), 1);
  assert.equal((await reserve(0)).ReservedConcurrentExecutions, 0);
  assert.equal(await reserved(), 0);
  await assert.rejects(invoke(), (error) => {
    assert.equal((error as Error).name, 'TooManyRequestsException');
    assert.equal((error as { Reason?: string }).Reason, 'ReservedFunctionConcurrentInvocationLimitExceeded');
    return true;
  });
  const { Concurrency } = await client.send(new GetFunctionCommand({ FunctionName: 'worker' }));
  assert.equal(Concurrency?.ReservedConcurrentExecutions, 0);
  await free();
  assert.equal(await reserved(), undefined);
  assert.equal(await invoke(), 1);
});

test('an event that came while a function was off is called once it is on', async () => {
  await reserve(0);
  const before = host.functions.get('worker')!.invoker.status().totals.invocations;
  await client.send(
    new InvokeCommand({ FunctionName: 'worker', InvocationType: 'Event', Payload: Buffer.from('{"answer":2}') }),
  );
  await until(() => host.asynchronous().openCount === 1, 'the event waits');
  assert.equal(host.functions.get('worker')!.invoker.status().totals.invocations, before);
  await free();
  await until(() => host.functions.get('worker')!.invoker.status().totals.invocations > before, 'it is called');
  await until(() => host.asynchronous().openCount === 0, 'the event is settled');
  assert.equal(host.functions.get('worker')!.invoker.status().totals.invocations, before + 1);
});

test('what is provisioned is loaded ahead, above the number of processes of the configuration, and stops being kept', async () => {
  await assert.rejects(provisioned(), named('ProvisionedConcurrencyConfigNotFoundException'));
  const listed = new ListProvisionedConcurrencyConfigsCommand({ FunctionName: 'worker' });
  assert.deepEqual((await client.send(listed)).ProvisionedConcurrencyConfigs, []);
  const asked = await provision(3);
  assert.equal(asked.RequestedProvisionedConcurrentExecutions, 3);
  await until(async () => (await provisioned()).Status === 'READY', 'three processes are loaded');
  assert.equal(environments().length, 3);
  const { AvailableProvisionedConcurrentExecutions, LastModified } = await provisioned();
  assert.deepEqual([AvailableProvisionedConcurrentExecutions, LastModified], [3, asked.LastModified]);
  const [one] = (await client.send(listed)).ProvisionedConcurrencyConfigs ?? [];
  assert.match(one?.FunctionArn ?? '', /:function:worker:\$LATEST$/);
  assert.deepEqual(await Promise.all([invoke(), invoke(), invoke()]), [1, 1, 1]);

  await assert.rejects(reserve(2), named('InvalidParameterValueException'));
  await reserve(4);
  const { limits } = host.functions.get('worker')!.invoker.status();
  assert.deepEqual([limits.reservedConcurrency, limits.provisionedConcurrency, limits.environmentsMax], [4, 3, 4]);
  await assert.rejects(provision(5), named('InvalidParameterValueException'));
  await assert.rejects(provision(0), named('InvalidParameterValueException'));

  await stop();
  await start();
  await until(async () => (await provisioned()).Status === 'READY', 'three processes are loaded again');
  assert.equal(await reserved(), 4);
  await client.send(new DeleteProvisionedConcurrencyConfigCommand(latest));
  await until(() => environments().length === 0, 'processes that nobody has used are stopped');
  await assert.rejects(provisioned(), named('ProvisionedConcurrencyConfigNotFoundException'));
  await free();
});

test('what the configuration says is read, replaced, and cannot be deleted here', async () => {
  assert.equal(await reserved('configured'), 3);
  await assert.rejects(free('configured'), /is in throughline\.config\.ts/);
  await reserve(5, 'configured');
  assert.equal(await reserved('configured'), 5);
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  assert.deepEqual([AccountLimit?.ConcurrentExecutions, AccountLimit?.UnreservedConcurrentExecutions], [6, 1]);
  await free('configured');
  assert.equal(await reserved('configured'), 3);
});

test('unknown functions, other versions and numbers that are none are rejected', async () => {
  await assert.rejects(reserve(1, 'nobody'), named('ResourceNotFoundException'));
  await assert.rejects(reserve(-1), named('InvalidParameterValueException'));
  await assert.rejects(reserve(0.5), named('InvalidParameterValueException'));
  await assert.rejects(reserve(1001), named('InvalidParameterValueException'));
  await assert.rejects(provision(1001), named('InvalidParameterValueException'));
  const other = { FunctionName: 'worker', Qualifier: '7' };
  await assert.rejects(
    client.send(new GetProvisionedConcurrencyConfigCommand(other)),
    named('ResourceNotFoundException'),
  );
});
