// Consumers of kafkajs and of @platformatic/kafka in groups of our broker: members come, leave and vanish, and the broker is
// restarted, while records are produced. Every record reaches the group, and what it has read is what it has committed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { findCoordinatorApi, joinGroupApi } from '@throughline/wire/apis';
import { Consumer } from '@platformatic/kafka';
import kafkajs, { type Admin, type Producer } from 'kafkajs';
import { connectKafka } from '../support/kafka-client.ts';

const { Kafka, logLevel, Partitioners } = kafkajs;

const topic = 'work';
const partitions = 4;
const groupId = 'workers';
const sessionTimeoutMs = 2_000;
const config = { 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 1_000 };

interface Member {
  leave(): Promise<void>;
}

/** Joins the group with a client; `seen` is told each value that it reads. */
type Joiner = (address: string, seen: (value: string) => void) => Promise<Member>;

async function withKafkajs(address: string, seen: (value: string) => void): Promise<Member> {
  const consumer = clientOf(address).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: 5_000,
    heartbeatInterval: 200,
    maxWaitTimeInMs: 100,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 300 },
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommitInterval: 100,
    eachMessage: async ({ message }) => seen(message.value!.toString()),
  });
  return { leave: () => consumer.disconnect() };
}

async function withPlatformatic(address: string, seen: (value: string) => void): Promise<Member> {
  const consumer = new Consumer({
    clientId: 'platformatic',
    groupId,
    bootstrapBrokers: [address],
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: 5_000,
    heartbeatInterval: 200,
    maxWaitTime: 100,
    retries: 50,
    retryDelay: 100,
  });
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: 100,
  });
  stream.on('data', ({ value }: { readonly value: Buffer }) => seen(value.toString()));
  stream.on('error', () => {});
  return {
    async leave() {
      await stream.close();
      await consumer.close(true);
    },
  };
}

for (const [client, join] of Object.entries({ kafkajs: withKafkajs, platformatic: withPlatformatic }) as [
  string,
  Joiner,
][]) {
  test(`a group of ${client} loses nothing while members come, leave and vanish and the broker restarts`, async () => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-groups-'));
    let running = await createBroker({ dataDir, config });
    const { address } = running;
    const port = Number(address.split(':')[1]);
    await running.broker.createTopic(topic, { partitions });
    const producer = clientOf(address).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const sent: string[] = [];
    const seen = new Set<string>();
    const members: Member[] = [];
    const joined = async (): Promise<Member> => {
      const member = await join(address, (value) => seen.add(value));
      members.push(member);
      return member;
    };
    try {
      const first = await joined();
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'the first member reads everything');
      const second = await joined();
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'both read');
      await vanish(address);
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'those who are left read what one had that vanished');
      await first.leave();
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'the second reads everything');
      running = await restart(running, { dataDir, port });
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'it goes on after the restart');
      const third = await joined();
      await produce(producer, sent, 50);
      await until(() => seen.size === sent.length, 'and so does a new one');
      await until(async () => (await committedCount(running)) === sent.length, 'everything is committed');
      await second.leave();
      await third.leave();
      const admin = clientOf(address).admin();
      await admin.connect();
      const { groups } = await admin.describeGroups([groupId]);
      assert.equal(groups[0]?.state, 'Empty');
      await admin.deleteGroups([groupId]);
      assert.deepEqual(await groupIds(admin), []);
      await admin.disconnect();
    } finally {
      await Promise.allSettled(members.map((member) => member.leave()));
      await producer.disconnect();
      await running.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
}

function clientOf(address: string): kafkajs.Kafka {
  return new Kafka({
    clientId: 'test',
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 300 },
  });
}

async function produce(producer: Producer, sent: string[], count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, index) => String(sent.length + index));
  await producer.send({ topic, messages: values.map((value) => ({ key: value, value })) });
  sent.push(...values);
}

/** A member joins and is not heard of again: it never asks for its assignment, and sends no heartbeat. */
async function vanish(address: string): Promise<void> {
  const client = await connectKafka(address);
  await client.call(findCoordinatorApi, 3, { key: groupId, keyType: 0 });
  const request = { groupId, sessionTimeoutMs, rebalanceTimeoutMs: 5_000, memberId: '', protocolType: 'consumer' };
  const names = ['RoundRobinAssigner', 'roundrobin', 'range', 'cooperative-sticky'];
  const metadata = Buffer.from(`0001000000010004${Buffer.from(topic).toString('hex')}ffffffff00000000`, 'hex');
  const protocols = names.map((name) => ({ name, metadata }));
  const { memberId } = await client.call(joinGroupApi, 4, { ...request, protocols });
  await client.call(joinGroupApi, 4, { ...request, memberId, protocols });
  await client.close();
}

async function restart(running: RunningBroker, options: { dataDir: string; port: number }): Promise<RunningBroker> {
  await running.close();
  return createBroker({ ...options, config });
}

/** The offsets that the group has committed, all together. */
async function committedCount({ address }: RunningBroker): Promise<number> {
  const admin = clientOf(address).admin();
  await admin.connect();
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  await admin.disconnect();
  return found!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
}

async function groupIds(admin: Admin): Promise<readonly string[]> {
  const { groups } = await admin.listGroups();
  return groups.map((group) => group.groupId);
}

async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = Date.now() + 40_000;
  while (!(await isTrue())) {
    assert.ok(Date.now() < endMs, `waited in vain: ${what}`);
    await delay(20);
  }
}
