// The server with its log on a cluster on which anybody may add partitions to topic `conversations`, or delete it: nothing that
// was said is lost by the first, and the server says both and what to do.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { throughline } from '../support/cli.ts';
import { readChat } from '../support/readers.ts';
import { startServer, type TestServer } from '../support/server.ts';

const question = 'name=answer tokens=5 paceMs=0';
const old = Array.from({ length: 8 }, (_, index) => `old${index}`);
const fresh = Array.from({ length: 8 }, (_, index) => `new${index}`);

async function cluster(t: TestContext): Promise<RunningBroker> {
  const broker = await createBroker({ memory: true });
  t.after(() => broker.close());
  return broker;
}

function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-grown-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serverOn(t: TestContext, { address }: RunningBroker, dataDir: string): Promise<TestServer> {
  const server = await startServer({ dataDir, flags: ['--log', `kafka://${address}`] });
  t.after(() => server.stop());
  return server;
}

let asked = 0;

async function ask(server: TestServer, conversation: string): Promise<void> {
  const posted = postQuestion(server.url, conversation, `${conversation}-${asked++}`, question);
  assert.equal(await readChat(server, conversation, posted), answerText(question));
}

async function messageCounts(server: TestServer, conversations: readonly string[]): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const conversation of conversations) {
    const response = await fetch(`${server.url}/v1/conversations/${conversation}`);
    const { conversation: found } = (await response.json()) as { conversation?: { messages: readonly unknown[] } };
    counts.push(found?.messages.length ?? -1);
  }
  return counts;
}

interface Ready {
  readonly ready: boolean;
  readonly error?: { readonly code: string; readonly remedy: string };
  readonly warnings?: readonly { readonly code: string }[];
}

/** Waits until the server says of itself what is wanted. */
async function untilReadiness(server: TestServer, isWanted: (ready: Ready) => boolean): Promise<Ready> {
  for (;;) {
    const ready = (await (await fetch(`${server.url}/readyz`)).json()) as Ready;
    if (isWanted(ready)) return ready;
    await pause(100);
  }
}

test('partitions that somebody adds move no conversation, now, after a restart and for a new server', async (t) => {
  const kafka = await cluster(t);
  const dataDir = dataFolder(t);
  let server = await serverOn(t, kafka, dataDir);
  for (const conversation of old) await ask(server, conversation);
  await kafka.broker.createPartitions('conversations', 8);
  const { ready, warnings } = await untilReadiness(server, (told) => told.warnings !== undefined);
  assert.deepEqual([ready, warnings?.[0]?.code], [true, 'TOPIC_GROWN']);
  for (const conversation of [...fresh, ...old]) await ask(server, conversation);
  const twice = old.map(() => 4);
  const once = fresh.map(() => 2);
  assert.deepEqual(await messageCounts(server, [...old, ...fresh]), [...twice, ...once]);
  // What somebody puts into an added partition is in no conversation; who reads the topic as it is sees it.
  const records = `${server.url}/v1/topics/conversations/records`;
  const foreign = { records: [{ key: 'foreign', value: 'in the last partition', partition: 7 }] };
  const headers = { 'content-type': 'application/json' };
  const written = await fetch(records, { method: 'POST', headers, body: JSON.stringify(foreign) });
  assert.equal(written.status, 201);
  for (const query of ['?partition=7', '?limit=100000'])
    assert.match(await (await fetch(records + query)).text(), /"partition":7,.*in the last partition/, query);
  assert.deepEqual(await messageCounts(server, [...old, ...fresh]), [...twice, ...once]);
  const doctor = await throughline(['doctor', '--data-dir', dataDir]);
  assert.match(doctor.stdout, /warning +topic +conversations has 8 partitions.*first 4 \[TOPIC_GROWN\]/);
  const status = await throughline(['status', '--data-dir', dataDir]);
  assert.match(status.stdout, /\[TOPIC_GROWN\]/);
  await server.stop();

  server = await serverOn(t, kafka, dataDir);
  assert.deepEqual(await messageCounts(server, [...old, ...fresh]), [...twice, ...once]);
  for (const conversation of old) await ask(server, conversation);
  await server.stop();

  // Another server knows of the log only.
  server = await serverOn(t, kafka, dataFolder(t));
  await untilReadiness(server, (told) => told.ready);
  assert.deepEqual(await messageCounts(server, fresh), once);
  for (const conversation of fresh) await ask(server, conversation);
  assert.deepEqual(
    await messageCounts(server, old),
    old.map(() => 6),
  );
});

test('a topic that was deleted is said with what to do, and one that is made again is used without a restart', async (t) => {
  const kafka = await cluster(t);
  const server = await serverOn(t, kafka, dataFolder(t));
  for (const conversation of old) await ask(server, conversation);
  await kafka.broker.deleteTopic('conversations');
  const { error } = await untilReadiness(server, (told) => told.error?.code === 'TOPIC_DELETED');
  assert.match(error?.remedy ?? '', /Make it again/);
  const rejected = await postQuestion(server.url, 'lost', 'lost-q', question);
  assert.equal(rejected.status, 503);
  const { error: reason } = (await rejected.json()) as { error: { code: string } };
  assert.equal(reason.code, 'TOPIC_DELETED');

  await kafka.broker.createTopic('conversations', { partitions: 3 });
  await untilReadiness(server, (told) => told.ready);
  for (const conversation of ['again', 'again', ...fresh]) await ask(server, conversation);
  // What was in the topic before is gone with it; what is said from now on is there.
  assert.deepEqual(await messageCounts(server, [...old.slice(0, 2), 'again']), [-1, -1, 4]);
  assert.deepEqual(
    await messageCounts(server, fresh),
    fresh.map(() => 2),
  );
});
