// Two tabs that were offline shared one stored list of messages: one tab's message was lost, and what one tab sent took the
// other's message out of the storage. Each message is stored by itself now and belongs to a tab (outbox.ts, tabs.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integerBetween, seededRandom, textOf, type Random, type UiPart } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { MemoryLocks, MemoryStorage } from './browser.test-support.ts';
import { createClient, type Client } from './client.ts';
import { FakeGateway } from './fake-gateway.test-support.ts';

interface Tab {
  readonly client: Client;
  readonly conversation: ReturnType<Client['conversation']>;
}

function setUp(locks: MemoryLocks | undefined = new MemoryLocks()) {
  const clock = new VirtualClock();
  const gateway = new FakeGateway(clock);
  const storage = new MemoryStorage();
  let seed = 1;
  const open = (): Tab => {
    const random = seededRandom(seed++);
    const client = createClient({ fetch: gateway.fetch, clock, random, storage, ...(locks && { locks }) });
    const conversation = client.conversation('c1');
    conversation.subscribe('conversation', () => {});
    return { client, conversation };
  };
  const shown = ({ conversation }: Tab): string[] =>
    conversation
      .get('conversation')
      .messageIds.map((id) => textOf(conversation.get(`parts:${id}`) as UiPart[]))
      .filter((text) => text !== '');
  return { clock, gateway, storage, open, shown };
}

/** The texts of the messages on the log, in their order there. */
function asked(gateway: FakeGateway): string[] {
  const { messages } = gateway.conversation('c1');
  return [...messages.values()].filter(({ role }) => role === 'user').map(({ parts }) => textOf(parts));
}

test('both tabs write while they are offline and are closed: the next one sends both', async () => {
  const { clock, gateway, storage, open } = setUp();
  gateway.unreachable = '/';
  const [a, b] = [open(), open()];
  a.conversation.send('from A');
  b.conversation.send('from B');
  await clock.advance(1000);
  assert.equal(storage.length, 2);
  a.client.close();
  b.client.close();
  gateway.unreachable = undefined;
  const next = open();
  await clock.advance(30_000);
  assert.deepEqual(asked(gateway).sort(), ['from A', 'from B']);
  assert.equal(storage.length, 0);
  next.client.close();
});

test('what one tab sends leaves the message of the other tab stored, and to that tab', async () => {
  const { clock, gateway, storage, open, shown } = setUp();
  gateway.unreachable = '/api/chat';
  const [a, b] = [open(), open()];
  const id = a.conversation.send('from A');
  await clock.advance(10);
  gateway.unreachable = undefined;
  b.conversation.send('from B');
  await clock.settle(20);
  assert.deepEqual(asked(gateway), ['from B']);
  assert.deepEqual([...storage.items.keys()], [`throughline/outbox/c1/${id}`]);
  assert.deepEqual(shown(b), ['from B']);
  a.client.close();
  const next = open();
  await clock.advance(30_000);
  assert.deepEqual(asked(gateway), ['from B', 'from A']);
  assert.equal(storage.length, 0);
  next.client.close();
  b.client.close();
});

test('a tab takes over what a closed tab has left as soon as its own connection is back', async () => {
  const { clock, gateway, storage, open } = setUp();
  const [a, b] = [open(), open()];
  b.conversation.send('first');
  await clock.advance(1000);
  gateway.unreachable = '/';
  gateway.cutReaders();
  a.conversation.send('from A');
  await clock.advance(1000);
  a.client.close();
  gateway.unreachable = undefined;
  await clock.advance(30_000);
  assert.deepEqual(asked(gateway), ['first', 'from A']);
  assert.equal(storage.length, 0);
  b.client.close();
});

for (const locks of [true, false]) {
  test(`tabs that come and go, on and off line, send every message once (${locks ? 'with' : 'without'} locks)`, async () => {
    for (let seed = 1; seed <= 60; seed++) await playSchedule(seededRandom(seed), seed, locks);
  });
}

/** A page without locks has none to hand in: Node's own would be taken. This one rejects, as in an opaque origin. */
class RejectedLocks extends MemoryLocks {
  override request(): Promise<unknown> {
    return Promise.reject(new DOMException('opaque origin', 'SecurityError'));
  }
}

async function playSchedule(random: Random, seed: number, hasLocks: boolean): Promise<void> {
  const { clock, gateway, storage, open } = setUp(hasLocks ? new MemoryLocks() : new RejectedLocks());
  const tabs: Tab[] = [open()];
  const written: string[] = [];
  const pick = (): number => integerBetween(random, 0, tabs.length - 1);
  for (let step = 0; step < 30; step++) {
    const what = integerBetween(random, 0, 5);
    if (what === 0 && tabs.length < 4) tabs.push(open());
    else if (what === 1 && tabs.length > 1) tabs.splice(pick(), 1)[0]!.client.close();
    else if (what === 2) gateway.unreachable = gateway.unreachable === undefined ? '/' : undefined;
    else if (what === 3) gateway.lostAnswers = integerBetween(random, 0, 2);
    else {
      const text = `message ${written.length}`;
      tabs[pick()]!.conversation.send(text);
      written.push(text);
    }
    await clock.advance(integerBetween(random, 0, 400));
  }
  for (const { client } of tabs) client.close();
  gateway.unreachable = undefined;
  gateway.lostAnswers = 0;
  const last = open();
  await clock.advance(120_000);
  assert.deepEqual(asked(gateway).sort(), written.sort(), `seed ${seed}`);
  assert.equal(storage.length, 0, `seed ${seed}`);
  last.client.close();
}
