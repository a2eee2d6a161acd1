// Two gateways on one log serve the same conversations at once: what is said through one is seen live through the other, a
// reply that one began can be followed and stopped through the other, and their indexes agree. Nothing is handed from one to
// the other: each reads the whole log (docs/decisions/0106).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createBroker } from '@throughline/broker';
import { createGateway, type Gateway } from '@throughline/gateway';
import { kafka, openEmbeddedLog, type Log } from '@throughline/log';
import { sseEvents, uiChunks } from '../support/chat.ts';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';

interface World {
  readonly scripted: ScriptedGateway;
  readonly one: Gateway;
  readonly two: Gateway;
}

/** Each gateway with a log of its own, as in two processes. */
async function onACluster(t: TestContext): Promise<World> {
  const broker = await createBroker({ memory: true });
  t.after(() => broker.close());
  const [log, other] = await Promise.all([open(t, broker.address), open(t, broker.address)]);
  return world(t, log, other);
}

async function open(t: TestContext, bootstrap: string): Promise<Log> {
  const log = await kafka({ bootstrap });
  t.after(() => log.close());
  return log;
}

async function onOneEmbeddedLog(t: TestContext): Promise<World> {
  const log = await openEmbeddedLog({ memory: true });
  t.after(() => log.close());
  return world(t, log, log);
}

async function world(t: TestContext, log: Log, other: Log): Promise<World> {
  const scripted = await scriptedGateway({ log });
  const dir = mkdtempSync(path.join(tmpdir(), 'throughline-two-'));
  const two = await createGateway({
    log: other,
    topic: 'conversations',
    storePath: path.join(dir, 'gateway.sqlite'),
    functionName: 'answer',
    tables: { list: async () => [], rows: async () => ({ rows: [] }), sql: async () => ({ columns: [], rows: [] }) },
    status: async () => ({}),
  });
  // Latest first: the gateways before their logs.
  t.after(async () => {
    await two.close();
    await scripted.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { scripted, one: scripted.gateway, two };
}

const get = (gateway: Gateway, address: string): Promise<Response> =>
  gateway.fetch(new Request(`http://localhost${address}`));

function post(gateway: Gateway, address: string, body: unknown, accept = 'application/json'): Promise<Response> {
  const headers = { 'content-type': 'application/json', accept };
  return gateway.fetch(
    new Request(`http://localhost${address}`, { method: 'POST', headers, body: JSON.stringify(body) }),
  );
}

const ask = (gateway: Gateway, id: string, text: string, more: object = {}, accept?: string): Promise<Response> =>
  post(
    gateway,
    '/api/chat',
    { id, messages: [{ id: `${id}-${text}`, role: 'user', parts: [{ type: 'text', text }] }], ...more },
    accept,
  );

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 20_000; tries++) {
    if (await condition()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.fail('it did not come to that');
}

async function json<Value>(response: Promise<Response>): Promise<Value> {
  return (await (await response).json()) as Value;
}

/** The text of the reply that `response` streams, to its end. */
async function textOf(response: Response): Promise<string> {
  let text = '';
  for await (const chunk of uiChunks(response)) if (chunk.type === 'text-delta') text += chunk.delta ?? '';
  return text;
}

for (const [name, open] of [
  ['a log on a cluster, a connection each', onACluster],
  ['one embedded log in one process', onOneEmbeddedLog],
] as const) {
  test(`two gateways on ${name} serve the same conversation at once`, { timeout: 60_000 }, async (t) => {
    const { scripted, one, two } = await open(t);
    assert.equal((await ask(one, 'shared', 'hello')).status, 202);
    await until(async () => (await get(two, '/v1/conversations/shared')).status === 200);

    // A reader of the other gateway, and what comes while it reads.
    const seen: string[] = [];
    const events = await get(two, '/v1/conversations/shared/events');
    const reading = (async () => {
      for await (const { event, data } of sseEvents(events)) {
        if (event !== 'event') continue;
        const { type } = JSON.parse(data) as { type: string };
        seen.push(type);
        if (type === 'run-ended') return;
      }
    })();
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.text('one reply, ');
    await until(async () => seen.includes('chunk'));
    const followed = [await get(one, '/api/chat/shared/stream'), await get(two, '/api/chat/shared/stream')];
    await run.text('two readers');
    await run.finish();
    for (const response of followed) assert.equal(await textOf(response), 'one reply, two readers');
    await reading;
    assert.deepEqual(
      [seen.slice(0, 3), seen.at(-1)],
      [['conversation-created', 'message-created', 'run-requested'], 'run-ended'],
    );

    // The other way round, stopped through the gateway that was not asked.
    const streamed = await ask(two, 'shared', 'back', {}, 'text/event-stream');
    assert.equal(streamed.status, 200);
    const second = await scripted.nextRun();
    await second.start();
    await until(
      async () => (await json<{ runIds: string[] }>(post(one, '/api/chat/shared/stop', {}))).runIds.length === 1,
    );
    await second.end({ outcome: 'stopped' });
    const chunks = [];
    for await (const chunk of uiChunks(streamed)) chunks.push(chunk.type);
    assert.equal(chunks.at(-1), 'abort');

    // What people write by hand, through either.
    const rename = (gateway: Gateway, title: string): Promise<Response> =>
      post(gateway, '/v1/conversations/shared/events', {
        id: scripted.ulid(),
        type: 'conversation-renamed',
        payload: { title },
      });
    assert.equal((await rename(one, 'from one')).status, 202);
    assert.equal((await rename(two, 'from two')).status, 202);
    await until(async () => {
      const snapshots = await Promise.all([one, two].map((gateway) => json(get(gateway, '/v1/conversations/shared'))));
      return JSON.stringify(snapshots[0]) === JSON.stringify(snapshots[1]);
    });
    await until(async () => {
      const lists = await Promise.all([one, two].map((gateway) => json(get(gateway, '/v1/conversations'))));
      return JSON.stringify(lists[0]) === JSON.stringify(lists[1]);
    });
    const { conversations } = await json<{ conversations: object[] }>(get(one, '/v1/conversations'));
    assert.equal(conversations.length, 1);
    assert.partialDeepStrictEqual(conversations[0], { title: 'from two', isRunning: false });
  });

  test(`two gateways on ${name} that are asked the same at once ask once`, { timeout: 60_000 }, async (t) => {
    const { scripted, one, two } = await open(t);
    for (const [id, more] of [
      ['raced', {}],
      ['named', { runId: scripted.ulid() }],
    ] as const) {
      const responses = await Promise.all([one, two].map((gateway) => ask(gateway, id, 'once', more)));
      assert.deepEqual(
        responses.map(({ status }) => status),
        [202, 202],
      );
      const [first, second] = await Promise.all(responses.map((response) => response.json()));
      assert.deepEqual(first, second);
      const snapshotOf = (gateway: Gateway): Promise<Snapshot> => json(get(gateway, `/v1/conversations/${id}`));
      await until(async () => (await snapshotOf(one)).offset === (await snapshotOf(two)).offset);
      for (const gateway of [one, two]) {
        const { conversation } = await snapshotOf(gateway);
        assert.deepEqual([conversation.runs.length, conversation.messages.length], [1, 2]);
      }
      assert.deepEqual(await snapshotOf(one), await snapshotOf(two));
    }
  });
}

interface Snapshot {
  readonly offset: string;
  readonly conversation: { readonly runs: readonly unknown[]; readonly messages: readonly unknown[] };
}
