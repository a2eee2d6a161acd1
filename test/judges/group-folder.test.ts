// `__consumer_offsets` between Apache Kafka and this broker: Kafka's own dump-log decodes what is written here; a folder that
// Kafka wrote opens here with its groups and offsets, and Kafka goes on with what was committed here.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { createBroker } from '@throughline/broker';
import kafkajs, { type Kafka } from 'kafkajs';
import { kafkaTool, withoutKafka } from './toolchain.ts';

const { logLevel } = kafkajs;

test("Apache Kafka and this broker read each other's groups and offsets", { skip: withoutKafka() }, async () => {
  const kafkaDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-judge-groups-'));
  const dataDir = path.join(kafkaDir, 'data');
  try {
    const there = clientOf(tool('start', '--port', '0', '--dir', kafkaDir, '--heap', '512M').trim());
    await createTopic(there);
    await commitAsMember(there, 'member', 5);
    await commitAsAdmin(there, 'simple', '7');
    await commitAsAdmin(there, 'deleted', '1');
    await deleteGroup(there, 'deleted');
    tool('stop', '--dir', kafkaDir);

    const broker = await createBroker({ dataDir });
    const here = clientOf(broker.address);
    assert.deepEqual(await stateOf(here), { member: '5', simple: '7' });
    await commitAsAdmin(here, 'simple', '8');
    await commitAsMember(here, 'member', 6);
    await commitAsAdmin(here, 'ours', '9');
    await deleteGroup(here, 'ours');
    await commitAsAdmin(here, 'ours-too', '2');
    await broker.close();

    const dumped = globSync(path.join(dataDir, '__consumer_offsets-*/*.log'))
      .filter((file) => statSync(file).size > 0)
      .map((file) => tool('dump-log', '--offsets-decoder', '--files', file))
      .join('\n');
    assert.doesNotMatch(dumped, /isvalid: false|Failed to decode|Could not/i);
    assert.match(
      dumped,
      /"group":"simple","topic":"t","partition":0\}\} payload: \{"version":"4","data":\{"offset":8,/,
    );
    assert.match(dumped, /"group":"ours"\}\} payload: <DELETE>/);
    assert.match(
      dumped,
      /"type":"2","data":\{"group":"member"\}\} payload: \{"version":"3","data":\{"protocolType":"consumer"/,
    );

    const again = clientOf(tool('start', '--port', '0', '--dir', kafkaDir, '--heap', '512M').trim());
    const state = await stateOfAll(again, 3);
    assert.deepEqual(state, { member: '6', simple: '8', 'ours-too': '2' });
  } finally {
    spawnSync('bash', [kafkaTool, 'stop', '--dir', kafkaDir]);
    rmSync(kafkaDir, { recursive: true, force: true });
  }
});

function clientOf(address: string): Kafka {
  return new kafkajs.Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
}

async function createTopic(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
}

/** Reads `count` records from the beginning as the only member of a group, and commits. */
async function commitAsMember(kafka: Kafka, groupId: string, count: number): Promise<void> {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: 't', fromBeginning: true });
  const isRead = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message }) => {
      if (Number(message.offset) === count - 1) isRead.resolve();
    },
  });
  const sent = groupId === 'member' && count > 5 ? 1 : count;
  await producer.send({ topic: 't', messages: Array.from({ length: sent }, () => ({ value: 'v' })) });
  await isRead.promise;
  await consumer.disconnect();
  await producer.disconnect();
}

async function commitAsAdmin(kafka: Kafka, groupId: string, offset: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.setOffsets({ groupId, topic: 't', partitions: [{ partition: 0, offset }] });
  await admin.disconnect();
}

async function deleteGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
}

/** The offsets of all groups there are. */
async function stateOf(kafka: Kafka): Promise<Record<string, string>> {
  const admin = kafka.admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  const state: Record<string, string> = {};
  for (const { groupId } of groups) {
    const [found] = await admin.fetchOffsets({ groupId, topics: ['t'] });
    state[groupId] = found!.partitions[0]!.offset;
  }
  await admin.disconnect();
  return state;
}

/** The same once `groupCount` groups are there: Kafka reads its groups back after it has begun to answer. */
async function stateOfAll(kafka: Kafka, groupCount: number): Promise<Record<string, string>> {
  const untilMs = performance.now() + 60_000;
  for (;;) {
    try {
      const state = await stateOf(kafka);
      if (Object.keys(state).length >= groupCount || performance.now() > untilMs) return state;
    } catch (error) {
      if (!(error as { retriable?: boolean }).retriable || performance.now() > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function tool(...options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('bash', [kafkaTool, ...options], { encoding: 'utf8', timeout: 120_000 });
  assert.equal(status, 0, `${options.join(' ')}: ${stderr}`);
  return stdout;
}
