import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, textOf, type UiPart } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { createClient, type ClientOptions } from './client.ts';
import { defaults } from './defaults.ts';
import { FakeGateway } from './fake-gateway.test-support.ts';
import { MemoryLocks, MemoryStorage } from './browser.test-support.ts';

function setUp(options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock();
  const gateway = new FakeGateway(clock);
  const locks = new MemoryLocks();
  let seed = 1;
  const make = () => createClient({ fetch: gateway.fetch, clock, random: seededRandom(seed++), locks, ...options });
  const client = make();
  const conversation = client.conversation('c1');
  conversation.subscribe('conversation', () => {});
  const texts = (of = conversation): string[] =>
    of.get('conversation').messageIds.map((id) => textOf(of.get(`parts:${id}`) as UiPart[]));
  return { clock, gateway, client, conversation, texts, make };
}

test('a message whose answer was lost is sent again with the same ids and asked once', async () => {
  const { clock, gateway, conversation } = setUp();
  gateway.lostAnswers = 3;
  const id = conversation.send('?');
  await clock.advance(10_000);
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'sent');
  assert.equal(gateway.bodies.length, 4);
  assert.equal(new Set(gateway.bodies.map((body) => JSON.stringify(body))).size, 1);
  const { messages, runs } = gateway.conversation('c1');
  assert.deepEqual([messages.size, runs.size], [2, 1]);
});

test('messages written while the first is on its way keep their order, each below the reply to the one before', async () => {
  const { clock, gateway, conversation, texts } = setUp();
  gateway.unreachable = '/api/chat';
  for (const word of ['a', 'b', 'c']) conversation.send(word);
  assert.deepEqual(texts(), ['a', 'b', 'c']);
  await clock.advance(1_000);
  assert.deepEqual(texts(), ['a', 'b', 'c']);
  gateway.unreachable = undefined;
  await clock.advance(20_000);
  assert.deepEqual(texts(), ['a', '', 'b', '', 'c', '']);
});

test('a network that stays away makes the message fail, visibly, until it is retried', async () => {
  const { clock, gateway, conversation, texts } = setUp();
  gateway.unreachable = '/api/chat';
  const id = conversation.send('?');
  await clock.settle();
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'waiting');
  await clock.advance(defaults.sendTriesMax * defaults.retryMaxMs);
  const failed = conversation.get(`message:${id}`);
  assert.equal(failed?.delivery, 'failed');
  assert.equal(failed?.error?.code, 'SERVER_UNREACHABLE');
  assert.equal(conversation.get('conversation').status, 'error');
  gateway.unreachable = undefined;
  conversation.retry(id);
  await clock.settle(20);
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'sent');
  assert.deepEqual(texts(), ['?', '']);
});

test('a rejection fails at once with its code, and can be discarded; the next message goes on', async () => {
  const { clock, gateway, conversation, texts } = setUp();
  gateway.rejection = { path: '/api/chat', status: 413, code: 'BODY_TOO_LARGE' };
  const id = conversation.send('too long');
  conversation.send('short');
  await clock.settle(20);
  assert.equal(conversation.get(`message:${id}`)?.error?.code, 'BODY_TOO_LARGE');
  conversation.discard(id);
  assert.equal(conversation.get(`message:${id}`), undefined);
  assert.deepEqual(texts(), ['short', '']);
});

test('what a proxy answers instead of the gateway is a coded error, too', async () => {
  const clock = new VirtualClock();
  const fetch = (): Promise<Response> => Promise.resolve(new Response('<html>', { status: 502 }));
  const conversation = createClient({ fetch, clock }).conversation('c1');
  conversation.subscribe('conversation', () => {});
  const id = conversation.send('?');
  await clock.settle(10);
  assert.equal(conversation.get(`message:${id}`)?.error?.code, 'SERVER_UNREACHABLE');
  assert.equal(conversation.get('connection').state, 'reconnecting');
});

test('an answer that never comes is given up after the time-out', async () => {
  const clock = new VirtualClock();
  const fetch = (_: unknown, init?: RequestInit): Promise<Response> =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
    });
  const conversation = createClient({ fetch, clock }).conversation('c1');
  conversation.subscribe('conversation', () => {});
  const id = conversation.send('?');
  await clock.advance(defaults.requestTimeoutMs);
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'waiting');
});

test('a message that was not sent survives a reload and is sent with its own ids', async () => {
  const storage = new MemoryStorage();
  const { clock, gateway, client, conversation, make } = setUp({ storage });
  gateway.unreachable = '/';
  const id = conversation.send('?');
  await clock.settle();
  client.close();
  const reloaded = make().conversation('c1');
  reloaded.subscribe('conversation', () => {});
  await clock.settle();
  assert.deepEqual(reloaded.get('conversation').messageIds, [id]);
  gateway.unreachable = undefined;
  await clock.advance(20_000);
  assert.equal(reloaded.get(`message:${id}`)?.delivery, 'sent');
  assert.equal(storage.items.size, 0);
  assert.equal(gateway.conversation('c1').runs.size, 1);
});

test('a storage that is full or holds rubbish costs nothing but surviving a reload', async () => {
  const storage = new MemoryStorage();
  for (const [index, text] of ['[7', 'null', '{"a":1}', '{"messageId":7,"tab":"t"}'].entries())
    storage.setItem(`throughline/outbox/c1/${index}`, text);
  storage.setItem = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };
  const { clock, conversation, texts } = setUp({ storage });
  conversation.send('?');
  await clock.settle(20);
  assert.deepEqual(texts(), ['?', '']);
});

test('an empty message and one too many are rejected', () => {
  const { gateway, conversation } = setUp({ settings: { outboxMax: 2 } });
  gateway.unreachable = '/';
  for (const content of ['', ' \n', { text: '' }, { parts: [] }])
    assert.throws(() => conversation.send(content), { code: 'INVALID_ARGUMENT' });
  conversation.send('1');
  conversation.send({ parts: [{ type: 'file', url: 'data:,x', mediaType: 'text/plain' }] });
  assert.throws(() => conversation.send('3'), { code: 'THROTTLED' });
});
