// Mappings that are made at run time: they are what their topic says, in every process on the log, one after the other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, silentLogger, utf8 } from '@throughline/event';
import { newRequestId } from '../../invoker/request-id.ts';
import type { Invoker } from '../../invoker/invoker.ts';
import { kafkaKind, twinMapping } from './kinds.ts';
import type { MappingConfig } from './mapping-config.ts';
import { Mappings } from './mappings.ts';
import { bench, topic, type Bench } from './test-support.ts';

const random = seededRandom(3);
const config = (asked: Readonly<Record<string, unknown>> = {}): MappingConfig =>
  kafkaKind.read({ type: 'kafka', topic, batchWindowMs: 0, ...asked }, 'mapping');

function open(
  { log, clock, fake }: Bench,
  t: { after(action: () => Promise<void>): void },
  names = ['worker'],
): Mappings {
  const invoker = { invoke: fake.invoke } as unknown as Invoker;
  const mappings = new Mappings({
    functions: new Map(names.map((name) => [name, { name, invoker }])),
    configured: [],
    services: {
      log,
      bootstrapServers: '',
      member: {},
      clock,
      random,
      logger: silentLogger,
      stateDir: '',
      newId: () => '0',
      accept: async () => {},
    },
    newUuid: () => newRequestId(random),
  });
  t.after(async () => {
    fake.release();
    const closing = mappings.close();
    await clock.advance(10_000);
    await closing;
  });
  return mappings;
}

test('a mapping that is made works at once, here and in every process on the log, and after a restart', async (t) => {
  const house = await bench(t, 2);
  const { clock, fake, produce } = house;
  const first = open(house, t);
  const second = open(house, t);
  const { uuid, state } = await first.create('worker', config());
  assert.equal(state, 'Creating');
  assert.equal((await first.find(uuid))?.state, 'Enabled');
  await produce(['p'], 0);
  await produce(['q'], 1);
  assert.deepEqual(fake.batches.flat().toSorted(), ['p', 'q']);
  // The other one had looked for the topic before it was made.
  await clock.advance(6000);
  assert.equal((await second.find(uuid))?.state, 'Enabled');
  await first.close();
  await clock.settle();
  await produce(['r'], 0);
  assert.deepEqual(fake.batches.flat().toSorted(), ['p', 'q', 'r']);
  await second.close();
  assert.equal((await open(house, t).find(uuid))?.functionName, 'worker');
});

test('a change takes hold when the batch under way has ended, and the place is kept', async (t) => {
  const house = await bench(t);
  const { clock, fake, produce } = house;
  const mappings = open(house, t);
  const made = await mappings.create('worker', config({ batchSize: 1 }));
  fake.isHeld = true;
  await produce(['v0', 'v1', 'v2']);
  assert.deepEqual(fake.batches, [['v0']]);
  const changed = await mappings.update(made, 'worker', config({ batchSize: 5 }));
  assert.equal(changed.state, 'Updating');
  assert.equal((await mappings.find(made.uuid))?.state, 'Updating');
  fake.isHeld = false;
  fake.release();
  await clock.settle(10);
  assert.equal((await mappings.find(made.uuid))?.state, 'Enabled');
  assert.deepEqual(fake.batches, [['v0'], ['v1', 'v2']]);
});

test('of changes that come quickly the last one holds, and a deletion ends it', async (t) => {
  const house = await bench(t);
  const { clock, fake, produce } = house;
  const mappings = open(house, t);
  const made = await mappings.create('worker', config());
  for (const enabled of [false, true, false, true]) await mappings.update(made, 'worker', config({ enabled }));
  await clock.settle(10);
  assert.equal((await mappings.find(made.uuid))?.state, 'Enabled');
  await produce(['v0']);
  assert.deepEqual(fake.batches, [['v0']]);
  await mappings.update(made, 'worker', config({ enabled: false }));
  await clock.settle(10);
  assert.equal((await mappings.find(made.uuid))?.state, 'Disabled');
  await produce(['v1']);
  await mappings.remove(made);
  await clock.settle(10);
  assert.equal(await mappings.find(made.uuid), undefined);
  assert.deepEqual(fake.batches, [['v0']]);
});

test('a mapping whose function the application has lost is kept, and says so', async (t) => {
  const house = await bench(t);
  const { uuid } = await open(house, t).create('worker', config());
  const found = await open(house, t, ['another']).find(uuid);
  assert.deepEqual([found?.state, found?.problem?.code], ['Disabled', 'UNKNOWN_FUNCTION']);
});

test('what others have written to the topic of mappings and is no mapping is passed', async (t) => {
  const house = await bench(t);
  const { log } = house;
  const mappings = open(house, t);
  const { uuid } = await mappings.create('worker', config());
  const foreign = ['no JSON', '[]', '{"functionName":"worker","changedMs":1,"config":{"type":"moon"}}'];
  await log.append(
    '_throughline.mappings',
    foreign.map((value) => ({ key: utf8('x'), value: utf8(value) })),
  );
  assert.deepEqual(
    (await mappings.list()).map((one) => one.uuid),
    [uuid],
  );
});

test('two mappings of one function have a consumer group each, or are told of', () => {
  const one = config();
  assert.equal(twinMapping([one, { type: 'bucket' }, config({ topic: 'other' })], 'worker'), undefined);
  assert.equal(twinMapping([one, config({ batchSize: 1 })], 'worker'), 'throughline-trigger-worker-kafka-jobs');
  assert.equal(twinMapping([one, config({ consumerGroupId: 'own' })], 'worker'), undefined);
});

// `batchSize: undefined`, as a reader of another format leaves it, once took the place of the default.
test('a setting that is undefined has its default', () => {
  assert.deepEqual(config({ batchSize: undefined, filters: undefined, enabled: undefined }), config());
});
