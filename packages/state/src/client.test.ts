import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '@throughline/testkit';
import { createClient, type ClientOptions } from './client.ts';
import { defaults } from './defaults.ts';
import { FakeGateway } from './fake-gateway.test-support.ts';

function setUp(options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock();
  const gateway = new FakeGateway(clock);
  const client = createClient({ fetch: gateway.fetch, clock, ...options });
  const list = client.conversations();
  const titles = (): string[] => list.get().conversations.map(({ title }) => title);
  const created = async (id: string): Promise<void> => {
    gateway.append(id, { type: 'conversation-created', payload: { title: id } });
    await clock.advance(1);
  };
  return { clock, gateway, client, list, titles, created };
}

test('a conversation that is used stays the same object; of those that are not, the longest unused leave', () => {
  const { client } = setUp({ settings: { conversationsMax: 3 } });
  const used = client.conversation('used');
  used.subscribe('conversation', () => {});
  const first = client.conversation('first');
  const second = client.conversation('second');
  client.conversation('first');
  client.conversation('third');
  assert.equal(client.conversation('used'), used);
  assert.equal(client.conversation('first'), first);
  assert.notEqual(client.conversation('second'), second);
});

test('the list is read in pages, newest change first, archived ones with the first', async () => {
  const { clock, gateway, list, titles, created } = setUp();
  for (const id of ['a', 'b', 'c']) await created(id);
  gateway.append('b', { type: 'conversation-archived', payload: { archived: true } });
  list.subscribe(() => {});
  assert.equal(list.get().state, 'loading');
  await clock.settle();
  assert.equal(list.get().state, 'ready');
  assert.deepEqual(titles(), ['b', 'c', 'a']);
  assert.deepEqual(
    list.get().conversations.map(({ isArchived }) => isArchived),
    [true, false, false],
  );
});

test('while no connection brings changes, the list is read again now and then, and not while the page is hidden', async () => {
  let isHidden = false;
  const page = { isHidden: () => isHidden, isOnline: () => true, onChange: () => () => {} };
  const { clock, gateway, list, titles, created } = setUp({ page });
  await created('a');
  const stop = list.subscribe(() => {});
  await clock.settle();
  await created('b');
  assert.deepEqual(titles(), ['a']);
  await clock.advance(defaults.listPollMs);
  assert.deepEqual(titles(), ['b', 'a']);
  gateway.append('a', { type: 'conversation-deleted', payload: {} });
  isHidden = true;
  await clock.advance(defaults.listPollMs);
  assert.deepEqual(titles(), ['b', 'a']);
  isHidden = false;
  await clock.advance(defaults.listPollMs);
  assert.deepEqual(titles(), ['b']);
  stop();
  const count = gateway.requests.length;
  await clock.advance(10 * defaults.listPollMs);
  assert.equal(gateway.requests.length, count);
});

test('a list that cannot be read says why, keeps what it had, and is read again', async () => {
  const { clock, gateway, list, titles, created } = setUp();
  await created('a');
  list.subscribe(() => {});
  await clock.settle();
  gateway.unreachable = '/v1/conversations';
  await list.refresh();
  assert.deepEqual([list.get().state, list.get().error?.code, titles()], ['error', 'SERVER_UNREACHABLE', ['a']]);
  gateway.unreachable = undefined;
  await clock.advance(defaults.listPollMs);
  assert.deepEqual([list.get().state, list.get().error], ['ready', undefined]);
});

test('a subscriber that throws is reported and keeps nothing from the others', async () => {
  const { clock, gateway, client } = setUp();
  gateway.append('c1', { type: 'conversation-created', payload: { title: 'T' } });
  const conversation = client.conversation('c1');
  const reported: unknown[] = [];
  const onUncaught = (error: unknown): void => void reported.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onUncaught);
  let told = 0;
  conversation.subscribe('conversation', () => {
    throw new Error('a defect of the page');
  });
  conversation.subscribe('conversation', () => told++);
  await clock.settle(10);
  process.off('uncaughtException', onUncaught);
  for (const listener of others) process.on('uncaughtException', listener);
  assert.ok(told > 0);
  assert.match(String(reported[0]), /a defect of the page/);
  assert.equal(conversation.get('connection').state, 'live');
});

test('closing a client ends its connections and timers', async () => {
  const { clock, gateway, client } = setUp();
  gateway.append('c1', { type: 'conversation-created', payload: { title: 'T' } });
  client.conversations().subscribe(() => {});
  client.conversation('c1').subscribe('conversation', () => {});
  await clock.settle(10);
  assert.equal(gateway.readerCount('c1'), 1);
  client.close();
  await clock.settle();
  assert.equal(gateway.readerCount('c1'), 0);
  assert.equal(clock.timerCount, 0);
});
