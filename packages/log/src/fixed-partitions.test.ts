// A topic that somebody adds partitions to, seen through a view that keeps to the first ones.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { openBroker, type Broker } from '@throughline/broker';
import { fromUtf8, utf8 } from '@throughline/event';
import { embedded } from './embedded/embedded.ts';
import { partitionCountOfStreams, withFixedPartitions, type FixedPartitionsLog } from './fixed-partitions.ts';
import { partitionFor } from './port/partitioner.ts';
import type { Log } from './port/port.ts';

interface World {
  readonly broker: Broker;
  readonly log: Log;
  readonly view: FixedPartitionsLog;
  /** What the view has told. */
  readonly told: string[];
}

async function world(t: TestContext, partitions = 2): Promise<World> {
  const broker = await openBroker({ memory: true });
  const log = embedded({ broker });
  t.after(() => log.close());
  const { topicId } = await log.admin.createTopic('streams', { partitions });
  const told: string[] = [];
  const view = withFixedPartitions({
    log,
    topic: 'streams',
    fixed: { topicId, partitionCount: partitions },
    onRemade: ({ partitionCount }) => told.push(`made again with ${partitionCount}`),
    onGrown: (count) => told.push(`grown to ${count}`),
  });
  return { broker, log, view, told };
}

const keys = Array.from({ length: 20 }, (_, index) => `stream/${index}`);

async function write(log: Log, names: readonly string[]): Promise<readonly number[]> {
  const records = names.map((name) => ({ key: utf8(name), value: utf8('x'), headers: [] }));
  return (await log.append('streams', records)).map(({ partition }) => partition);
}

const placesAmong = (count: number): readonly number[] => keys.map((key) => partitionFor(utf8(key), count));

test('records go to the partitions that there were, and those that were added are not seen', async (t) => {
  const { broker, view, told, log } = await world(t);
  await write(view, keys);
  await broker.createPartitions('streams', 8);
  assert.deepEqual(await write(view, keys), placesAmong(2));
  assert.deepEqual(told, []);
  assert.equal((await view.admin.describeTopic('streams')).partitions.length, 2);
  assert.equal((await log.admin.describeTopic('streams')).partitions.length, 8);
  await view.admin.describeTopic('streams');
  assert.deepEqual(told, ['grown to 8']);
  assert.equal(view.partitionCount, 8);
  // What others put into an added partition is there for whoever asks for it by its number.
  await log.append('streams', [{ key: null, value: utf8('foreign'), headers: [], partition: 7 }]);
  const stop = new AbortController();
  const seen = new Set<number>();
  for await (const { partition, records } of view.tail({ topic: 'streams', from: 'earliest', signal: stop.signal })) {
    seen.add(partition);
    assert.ok(records.every(({ value }) => fromUtf8(value!) === 'x'));
    if (seen.size === 2) stop.abort();
  }
  assert.deepEqual(seen, new Set([0, 1]));
  const { records } = await view.read({ topic: 'streams', partition: 7, offset: 0n });
  assert.equal(records.length, 1);
});

test('a record that names its partition goes there, and other topics are as they are', async (t) => {
  const { view } = await world(t);
  const [ack] = await view.append('streams', [{ key: utf8(keys[0]!), value: null, headers: [], partition: 1 }]);
  assert.equal(ack?.partition, 1);
  await view.admin.createTopic('others', { partitions: 3 });
  assert.equal((await view.admin.describeTopic('others')).partitions.length, 3);
  const acks = await view.append(
    'others',
    keys.map((key) => ({ key: utf8(key), value: null, headers: [] })),
  );
  assert.deepEqual(
    acks.map(({ partition }) => partition),
    placesAmong(3),
  );
});

test('a topic that is made again begins with the partitions that it has then', async (t) => {
  const { broker, view, told } = await world(t);
  await write(view, keys);
  await broker.deleteTopic('streams');
  await broker.createTopic('streams', { partitions: 3 });
  assert.equal((await view.admin.describeTopic('streams')).partitions.length, 3);
  assert.deepEqual(told, ['made again with 3']);
  assert.deepEqual(await write(view, keys), placesAmong(3));
});

test('the number of partitions is found out from where streams are', async (t) => {
  const isStream = (key: string): boolean => key.startsWith('stream/');
  const found = async ({ log }: World): Promise<number> =>
    partitionCountOfStreams(log, await log.admin.describeTopic('streams'), isStream);
  const grown = await world(t, 3);
  assert.equal(await found(grown), 3);
  await write(grown.view, keys);
  await grown.log.append('streams', [{ key: utf8('no stream'), value: null, headers: [], partition: 0 }]);
  assert.equal(await found(grown), 3);
  await grown.broker.createPartitions('streams', 8);
  assert.equal(await found(grown), 3);
  // A few that were written by the new number do not outweigh the others.
  await write(grown.log, keys.slice(0, 4));
  assert.equal(await found(grown), 3);
  const whole = await world(t, 8);
  await write(whole.view, keys.slice(0, 1));
  assert.equal(await found(whole), 8);
});
