import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, textOf, type UiPart } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { createClient, type ClientOptions } from './client.ts';
import { defaults } from './defaults.ts';
import { FakeGateway } from './fake-gateway.test-support.ts';
import type { OpenConversation } from './open-conversation.ts';

function setUp(options: Partial<ClientOptions> = {}) {
  const clock = new VirtualClock();
  const gateway = new FakeGateway(clock);
  const client = createClient({ fetch: gateway.fetch, clock, random: seededRandom(1), ...options });
  const conversation = client.conversation('c1');
  const textsShown = (of: OpenConversation = conversation): string[] =>
    of.get('conversation').messageIds.map((id) => textOf(of.get(`parts:${id}`) as UiPart[]));
  return { clock, gateway, client, conversation, textsShown };
}

function follow(conversation: OpenConversation): { changes: number; stop: () => void } {
  const followed = { changes: 0, stop: (): void => {} };
  followed.stop = conversation.subscribe('conversation', () => followed.changes++);
  return followed;
}

const text = (delta: string): { type: string; id: string; delta: string } => ({ type: 'text-delta', id: 't', delta });

test('a question is shown at once, sent, answered and shown from the log, always under one id', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  await clock.settle();
  assert.equal(conversation.get('conversation').status, 'ready');
  assert.equal(conversation.get('conversation').exists, false);

  const id = conversation.send('Hello?');
  assert.deepEqual(conversation.get('conversation').messageIds, [id]);
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'sending');
  assert.equal(conversation.get('conversation').status, 'submitted');

  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  assert.equal(conversation.get(`message:${id}`)?.delivery, 'sent');
  assert.deepEqual(conversation.get('conversation').messageIds, [id, `reply-${run}`]);
  assert.equal(conversation.get('connection').state, 'live');

  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('Hel')]);
  gateway.chunks('c1', run, [text('lo!')]);
  await clock.advance(defaults.flushMs);
  assert.equal(conversation.get('conversation').status, 'streaming');
  assert.deepEqual(textsShown(), ['Hello?', 'Hello!']);
  gateway.end('c1', run);
  await clock.settle();
  assert.equal(conversation.get('conversation').status, 'ready');
  assert.equal(conversation.get(`run:${run}`)?.outcome, 'done');
});

test('tokens are shown together at the flush, and nobody but the part and its message is told', async () => {
  const { clock, gateway, conversation } = setUp();
  const frame = follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  const reply = `reply-${run}`;
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('a')]);
  await clock.advance(defaults.flushMs);
  const counts = { message: 0, parts: 0, part: 0, other: 0 };
  conversation.subscribe(`message:${reply}`, () => counts.message++);
  conversation.subscribe(`parts:${reply}`, () => counts.parts++);
  conversation.subscribe(`part:${reply}:0`, () => counts.part++);
  const question = conversation.get('conversation').messageIds[0]!;
  conversation.subscribe(`parts:${question}`, () => counts.other++);
  const changesBefore = frame.changes;
  for (let index = 0; index < 100; index++) gateway.chunks('c1', run, [text('b')]);
  await clock.settle();
  assert.equal(counts.part, 0);
  await clock.advance(defaults.flushMs);
  assert.deepEqual(counts, { message: 0, parts: 1, part: 1, other: 0 });
  assert.equal(frame.changes, changesBefore);
  assert.equal(conversation.get(`part:${reply}:0`)?.['text'], `a${'b'.repeat(100)}`);
});

test('a reload in mid-answer shows the snapshot and goes on from it', async () => {
  const { clock, gateway, client } = setUp();
  const first = client.conversation('c1');
  follow(first);
  first.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('one ')]);
  const reloaded = createClient({ fetch: gateway.fetch, clock }).conversation('c1');
  follow(reloaded);
  assert.equal(reloaded.get('conversation').status, 'loading');
  await clock.settle(20);
  gateway.chunks('c1', run, [text('two')]);
  await clock.advance(defaults.flushMs);
  assert.equal(reloaded.get(`part:reply-${run}:0`)?.['text'], 'one two');
  assert.equal(first.get(`part:reply-${run}:0`)?.['text'], 'one two');
});

test('a cut connection comes back from where it was, says when it tries, and shows nothing twice', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('a')]);
  await clock.advance(defaults.flushMs);
  for (const cut of ['by the server', 'by an error', 'here']) {
    gateway.unreachable = 'events';
    if (cut === 'here') conversation.cutConnection();
    else gateway.cutReaders(cut === 'by an error' ? new TypeError('terminated') : undefined);
    await clock.settle(10);
    const { state, nextTryMs, error } = conversation.get('connection');
    assert.equal(state, 'reconnecting', cut);
    assert.ok(nextTryMs !== undefined && nextTryMs > clock.nowMs());
    assert.equal(error?.code, 'SERVER_UNREACHABLE');
    gateway.chunks('c1', run, [text('b')]);
    await clock.advance(2_000);
    assert.ok(conversation.get('connection').tries > 1);
    gateway.unreachable = undefined;
    await clock.advance(defaults.retryMaxMs);
    assert.equal(conversation.get('connection').state, 'live');
  }
  assert.deepEqual(textsShown(), ['?', 'abbb']);
});

test('a replay of five thousand chunks is one change', async () => {
  const { clock, gateway, conversation, client } = setUp();
  const stop = follow(conversation).stop;
  conversation.send('?');
  await clock.settle(20);
  stop();
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }]);
  await clock.advance(100);
  gateway.unreachable = 'events';
  gateway.cutReaders();
  for (let index = 0; index < 5_000; index++) gateway.chunks('c1', run, [text('x')]);
  gateway.unreachable = undefined;
  let changes = 0;
  client.conversation('c1').subscribe(`parts:reply-${run}`, () => changes++);
  await clock.advance(1_000);
  assert.equal(changes, 1);
  assert.equal(conversation.get(`part:reply-${run}:0`)?.['text'], 'x'.repeat(5_000));
});

test('a server that says nothing is taken for dead', async () => {
  const { clock, gateway, conversation } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  for (let beat = 0; beat < 10; beat++) {
    await clock.advance(15_000);
    gateway.raw('c1', ': beat\n\n');
    await clock.settle();
  }
  assert.equal(conversation.get('connection').state, 'live');
  gateway.unreachable = 'events';
  await clock.advance(defaults.silenceMs);
  assert.equal(conversation.get('connection').state, 'reconnecting');
});

test('rubbish between events is skipped', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.raw(
    'c1',
    'event: event\ndata: no json\n\nevent: event\ndata: {"type":"chunk"}\n\nevent: unheard-of\ndata: 1\n\n',
  );
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('a')]);
  await clock.advance(defaults.flushMs);
  assert.deepEqual(textsShown(), ['?', 'a']);
  assert.equal(conversation.get('connection').state, 'live');
});

test('missing chunks are answered by a new snapshot, once for each attempt', async () => {
  const { clock, gateway, conversation } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('a')]);
  await clock.advance(defaults.flushMs);
  const snapshots = (): number => gateway.requests.filter((request) => request === 'GET /v1/conversations/c1').length;
  const before = snapshots();
  for (let seq = 5; seq < 9; seq++) {
    gateway.chunks('c1', run, [text('lost')], seq);
    await clock.advance(1_000);
  }
  assert.equal(snapshots(), before + 1);
  assert.equal(conversation.get(`part:reply-${run}:0`)?.['text'], 'a');
  gateway.start('c1', run, 2);
  gateway.chunks('c1', run, [text('b')]);
  await clock.advance(1_000);
  assert.equal(conversation.get(`part:reply-${run}:0`)?.['text'], 'ab');
});

test('a server that has lost the conversation leaves it on the screen, as gone', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  gateway.forget();
  await clock.advance(5_000);
  assert.equal(conversation.get('connection').state, 'gone');
  assert.deepEqual(textsShown(), ['?', '']);
});

test('stop is shown at once and ends with the run', async () => {
  const { clock, gateway, conversation } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('half')]);
  await clock.advance(defaults.flushMs);
  const stopped = conversation.stop();
  assert.equal(conversation.get('conversation').status, 'stopping');
  await stopped;
  gateway.end('c1', run, 'stopped');
  await clock.settle();
  assert.equal(conversation.get('conversation').status, 'ready');
  assert.deepEqual(conversation.get(`part:reply-${run}:0`), { type: 'text', text: 'half', state: 'done' });
});

test('a stop that fails says so and is taken back', async () => {
  const { clock, gateway, conversation } = setUp();
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  gateway.start('c1', gateway.lastRunId('c1'));
  await clock.settle();
  gateway.unreachable = 'stop';
  await assert.rejects(conversation.stop(), { code: 'SERVER_UNREACHABLE' });
  assert.equal(conversation.get('conversation').status, 'submitted');
});

test('a retry is a sibling branch that can be switched back', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  const question = conversation.send('?');
  await clock.settle(20);
  const answer = async (word: string): Promise<string> => {
    const run = gateway.lastRunId('c1');
    gateway.start('c1', run);
    gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text(word)]);
    gateway.end('c1', run);
    await clock.settle();
    return `reply-${run}`;
  };
  const one = await answer('one');
  conversation.subscribe(`branches:${one}`, () => {});
  assert.deepEqual(conversation.get(`branches:${one}`), { ids: [one], index: 0 });
  await conversation.regenerate(one);
  const two = await answer('two');
  assert.deepEqual(textsShown(), ['?', 'two']);
  assert.deepEqual(conversation.get(`branches:${one}`), { ids: [one, two], index: 0 });
  await conversation.select(one);
  await clock.settle();
  assert.deepEqual(textsShown(), ['?', 'one']);
  assert.deepEqual(conversation.get('conversation').messageIds, [question, one]);
  await assert.rejects(conversation.regenerate('unknown'), { code: 'INVALID_ARGUMENT' });
});

test('an edited question takes its place on a branch of its own, the first question too', async () => {
  const { clock, gateway, conversation, textsShown } = setUp();
  follow(conversation);
  const first = conversation.send('first');
  await clock.settle(20);
  const second = conversation.send('second');
  await clock.settle(20);
  conversation.edit(second, 'second, better');
  assert.deepEqual(textsShown(), ['first', '', 'second, better']);
  await clock.settle(20);
  assert.deepEqual(textsShown(), ['first', '', 'second, better', '']);
  conversation.edit(first, 'first, better');
  assert.deepEqual(textsShown(), ['first, better']);
  await clock.settle(20);
  assert.deepEqual(textsShown(), ['first, better', '']);
  assert.equal(gateway.conversation('c1').rootIds.length, 2);
  assert.throws(() => conversation.edit('unknown', 'x'), { code: 'INVALID_ARGUMENT' });
});

test('rename, archive, feedback and delete come back through the log', async () => {
  const { clock, conversation } = setUp();
  follow(conversation);
  const id = conversation.send('?');
  await clock.settle(20);
  await conversation.rename('Better');
  await conversation.archive();
  await conversation.feedback(id, 'up', 'nice');
  await clock.settle();
  const { title, isArchived } = conversation.get('conversation');
  assert.deepEqual({ title, isArchived }, { title: 'Better', isArchived: true });
  assert.deepEqual(conversation.get(`message:${id}`)?.feedback, { value: 'up', comment: 'nice' });
  await conversation.remove();
  await clock.settle();
  assert.equal(conversation.get('conversation').isDeleted, true);
});

test('the connection lives as long as somebody subscribes, and a little longer', async () => {
  const { clock, gateway, conversation } = setUp();
  const { stop } = follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  stop();
  await clock.advance(defaults.lingerMs - 1);
  follow(conversation).stop();
  await clock.advance(defaults.lingerMs - 1);
  assert.equal(gateway.readerCount('c1'), 1);
  await clock.advance(1);
  assert.equal(gateway.readerCount('c1'), 0);
  assert.equal(conversation.get('connection').state, 'idle');
  follow(conversation);
  await clock.settle(20);
  assert.equal(conversation.get('connection').state, 'live');
});

test('a hidden page is shown less often, and no more waits than the limit', async () => {
  const page = { isHidden: () => true, isOnline: () => true, onChange: () => () => {} };
  const { clock, gateway, conversation } = setUp({ page, settings: { queuedEventsMax: 50 } });
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, text('a')]);
  await clock.advance(defaults.flushMs);
  assert.equal(conversation.get(`part:reply-${run}:0`), undefined);
  await clock.advance(defaults.hiddenFlushMs);
  assert.equal(conversation.get(`part:reply-${run}:0`)?.['text'], 'a');
  for (let index = 0; index < 60; index++) gateway.chunks('c1', run, [text('b')]);
  await clock.settle();
  assert.equal(conversation.get(`part:reply-${run}:0`)?.['text'], `a${'b'.repeat(50)}`);
});

test('a page without a network says so and comes back with it', async () => {
  let isOnline = true;
  let changed = (): void => {};
  const page = {
    isHidden: () => false,
    isOnline: () => isOnline,
    onChange: (listener: () => void) => {
      changed = listener;
      return () => {};
    },
  };
  const { clock, gateway, conversation } = setUp({ page });
  follow(conversation);
  conversation.send('?');
  await clock.settle(20);
  isOnline = false;
  changed();
  await clock.settle();
  // The server may be on this very machine.
  assert.equal(conversation.get('connection').state, 'live');
  gateway.unreachable = '/';
  gateway.cutReaders();
  await clock.settle();
  assert.equal(conversation.get('connection').state, 'offline');
  isOnline = true;
  gateway.unreachable = undefined;
  changed();
  await clock.settle(20);
  assert.equal(conversation.get('connection').state, 'live');
});
