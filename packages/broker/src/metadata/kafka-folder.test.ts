// What of a folder of Apache Kafka is rejected. The folders are ours with Kafka's records behind them; that real ones open is
// shown by test/judges/kafka-folder.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, seededRandom, ThroughlineError, utf8 } from '@throughline/event';
import { batchWith, LossyDisk, VirtualClock } from '@throughline/testkit';
import { encodeRecordBatch, setBaseOffset, Writer } from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, readAll } from '../test-support.ts';
import { encodeMetadataRecord, type WritableRecord } from './metadata-record.ts';

const metadataLog = '/data/__cluster_metadata-0/00000000000000000000.log';

function open(disk: LossyDisk): Promise<Broker> {
  return openBroker({ dataDir: '/data', disk, clock: new VirtualClock(1_700_000_000_000), random: seededRandom(1) });
}

async function write(disk: LossyDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'write');
  await file.write([bytes], await file.size());
  await file.syncData();
  await file.close();
}

/** A folder with a topic of one partition and one record, as if Kafka had written it, and `values` behind its metadata. */
async function kafkaFolder(values: (topicId: string) => readonly Uint8Array[] = () => []): Promise<LossyDisk> {
  const disk = new LossyDisk();
  const broker = await open(disk);
  const { topicId } = await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  await broker.partition('t', 0).append(batchOf(['kept']));
  await broker.close();
  const properties = fromUtf8((await disk.readFile('/data/meta.properties'))!);
  await disk.remove('/data/meta.properties');
  await write(disk, '/data/meta.properties', utf8(properties.replace(/throughline.format=.*\n/, '')));
  // Behind the feature, the topic, its partition and its two settings.
  let offset = 5n;
  for (const value of values(topicId)) {
    const batch = encodeRecordBatch([{ key: null, value }], { nowMs: 1_700_000_000_000 });
    setBaseOffset(batch, 0, offset++);
    await write(disk, metadataLog, batch);
  }
  return disk;
}

/** A record of which only the kind counts. */
function otherRecord(apiKey: number): Uint8Array {
  const writer = new Writer(8);
  writer.unsignedVarint(1);
  writer.unsignedVarint(apiKey);
  writer.unsignedVarint(0);
  return writer.finish();
}

async function rejection(disk: LossyDisk): Promise<string> {
  const before = await namesIn(disk);
  const error = await open(disk).then(
    () => assert.fail('it was opened'),
    (error: unknown) => error,
  );
  assert.ok(ThroughlineError.is(error, 'DATA_FORMAT_UNSUPPORTED'), String(error));
  assert.deepEqual(await namesIn(disk), before, 'something was touched');
  return error.message;
}

async function namesIn(disk: LossyDisk): Promise<readonly string[]> {
  return [...(await disk.list('/data')), ...(await disk.list('/data/t-0'))];
}

test("a folder without our line in its meta.properties is Kafka's, and is taken over once", async () => {
  const disk = await kafkaFolder(() => [otherRecord(0), otherRecord(27)]);
  const broker = await open(disk);
  assert.deepEqual(await readAll(broker.partition('t', 0)), ['0:kept']);
  assert.equal(broker.partition('t', 0).leaderEpoch, 1);
  await broker.close();
  assert.match(fromUtf8((await disk.readFile('/data/meta.properties'))!), /throughline\.format=/);
  const again = await open(disk);
  assert.equal(again.partition('t', 0).leaderEpoch, 1);
  await again.close();
});

test('replicas on other brokers are rejected', async () => {
  const partition = (
    topicId: string,
    replicas: readonly number[],
    addingReplicas: readonly number[],
  ): WritableRecord => {
    const common = {
      type: 'partition',
      partitionId: 0,
      topicId,
      isr: [1],
      removingReplicas: [],
      directories: [],
    } as const;
    return { ...common, replicas, addingReplicas, leader: 1, leaderEpoch: 3, partitionEpoch: 7 };
  };
  for (const [replicas, adding, message] of [
    [[1, 2], [], /t-0 has replicas on the brokers 1, 2, and this is broker 1 alone/],
    [[7], [], /t-0 has replicas on the brokers 7/],
    [[1], [3], /t-0 has replicas on the brokers 1, 3/],
  ] as const) {
    const disk = await kafkaFolder((topicId) => [encodeMetadataRecord(partition(topicId, replicas, adding))]);
    assert.match(await rejection(disk), message);
  }
});

test('what nobody would enforce here is rejected', async () => {
  for (const [apiKey, message] of [
    [18, /access control lists/],
    [11, /SCRAM credentials/],
    [10, /delegation tokens/],
  ] as const) {
    assert.match(await rejection(await kafkaFolder(() => [otherRecord(apiKey)])), message);
  }
});

test('a record between the begin and the end of a transaction counts with its end, and not without', async () => {
  const topic = (name: string, id: string): Uint8Array =>
    encodeMetadataRecord({ type: 'topic', name, topicId: id.repeat(32) });
  const [begin, end, abort] = [otherRecord(23), otherRecord(24), otherRecord(25)];
  const disk = await kafkaFolder(() => [begin, topic('aborted', 'a'), abort, begin, topic('cut-off', 'b')]);
  const broker = await open(disk);
  assert.deepEqual(
    broker.topics().map(({ topic }) => topic),
    ['t'],
  );
  await broker.close();
  const ended = await kafkaFolder(() => [begin, topic('ended', 'c'), end]);
  const other = await open(ended);
  assert.deepEqual(
    other.topics().map(({ topic }) => topic),
    ['t', 'ended'],
  );
  await other.close();
});

test('tiered records, aborted transactions, a compaction cut off, old formats and missing folders are rejected', async () => {
  const tiered = {
    type: 'config',
    resourceType: 2,
    resourceName: 't',
    name: 'remote.storage.enable',
    value: 'true',
  } as const;
  assert.match(await rejection(await kafkaFolder(() => [encodeMetadataRecord(tiered)])), /tiered storage/);
  const aborted = await kafkaFolder();
  await write(aborted, '/data/t-0/00000000000000000000.txnindex', new Uint8Array(34));
  assert.match(await rejection(aborted), /aborted transactions/);
  const cut = await kafkaFolder();
  await write(cut, '/data/t-0/00000000000000000000.log.swap', new Uint8Array(1));
  assert.match(await rejection(cut), /a compaction was cut off/);
  const old = await kafkaFolder();
  await write(old, '/data/t-0/00000000000000000007.log', batchWith(batchOf(['old']), { magic: 1 }));
  assert.match(await rejection(old), /before magic 2/);
  const elsewhere = await kafkaFolder();
  await elsewhere.removeFolder('/data/t-0');
  await elsewhere.syncDirectory('/data');
  assert.match(await rejection(elsewhere), /t-0 is not in it/);
});
