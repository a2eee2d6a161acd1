import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { seededRandom, textOf } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { JSDOM } from 'jsdom';
import { act, createElement, StrictMode, useEffect, type ReactNode } from 'react';
import type { Root } from 'react-dom/client';
import { createClient, type Client } from '../client.ts';
import { defaults } from '../defaults.ts';
import { FakeGateway } from '../fake-gateway.test-support.ts';
import {
  ClientProvider,
  ConversationProvider,
  useBranches,
  useConnection,
  useConversation,
  useConversations,
  useMessage,
  usePart,
  useRun,
} from './index.ts';

// React DOM looks for a window when it is loaded.
const { window } = new JSDOM('<main></main>');
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
const { createRoot } = await import('react-dom/client');

const page = { isHidden: () => false, isOnline: () => true, onChange: () => () => {} };
let root: Root | undefined;
afterEach(() => act(() => root?.unmount()));

function setUp() {
  const clock = new VirtualClock();
  const gateway = new FakeGateway(clock);
  const client = createClient({ fetch: gateway.fetch, clock, random: seededRandom(1), page });
  const container = window.document.createElement('div');
  const renders = { list: 0, message: 0, part: 0 };
  const seen: { conversation?: ReturnType<typeof useConversation>; actions: Set<unknown> } = { actions: new Set() };

  // The tests look at what is rendered from outside of React, which a component must not do; hence these two.
  const rendered = (name: keyof typeof renders): void => void renders[name]++;
  const look = (conversation: ReturnType<typeof useConversation>): void => {
    seen.conversation = conversation;
    seen.actions.add(conversation.send);
  };

  function Part({ id, index }: { id: string; index: number }): ReactNode {
    rendered('part');
    return createElement('i', null, textOf([usePart(id, index) ?? { type: 'none' }]));
  }
  function Message({ id }: { id: string }): ReactNode {
    rendered('message');
    const message = useMessage(id);
    const { index, ids } = useBranches(id);
    const run = useRun(message?.runId ?? '');
    const parts = Array.from({ length: message?.partCount ?? 0 }, (_, part) =>
      createElement(Part, { key: part, id, index: part }),
    );
    const frame = `${message?.delivery} ${index + 1}/${ids.length} ${run?.outcome ?? ''}`;
    return createElement('p', { title: frame }, parts);
  }
  function List({ id }: { id: string }): ReactNode {
    rendered('list');
    const conversation = useConversation(id);
    look(conversation);
    const messages = conversation.messageIds.map((message) => createElement(Message, { key: message, id: message }));
    return createElement(ConversationProvider, { id }, messages);
  }
  const show = async (element: ReactNode, of: Client = client): Promise<void> => {
    root = createRoot(container);
    await act(async () => {
      root?.render(createElement(StrictMode, null, createElement(ClientProvider, { client: of }, element)));
      await clock.settle();
    });
  };
  const advance = (ms: number): Promise<void> => act(() => clock.advance(ms));
  const text = (): string => [...container.querySelectorAll('p')].map((p) => p.textContent).join('|');
  const frames = (): string[] => [...container.querySelectorAll('p')].map((p) => p.title.trim());
  return { clock, gateway, client, container, renders, seen, look, List, show, advance, text, frames };
}

const delta = (text: string): { type: string; id: string; delta: string } => ({
  type: 'text-delta',
  id: 't',
  delta: text,
});

test('a question and its streaming answer are rendered, under StrictMode, with one connection', async () => {
  const { gateway, seen, List, show, advance, text, frames } = setUp();
  await show(createElement(List, { id: 'c1' }));
  assert.equal(seen.conversation?.status, 'ready');
  await act(async () => void seen.conversation?.send('Hello?'));
  assert.equal(text(), 'Hello?|');
  await advance(0);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, delta('Hi')]);
  await advance(defaults.flushMs);
  assert.equal(text(), 'Hello?|Hi');
  gateway.end('c1', run);
  await advance(0);
  assert.deepEqual(frames(), ['sent 1/1', 'sent 1/1 done']);
  assert.equal(gateway.readerCount('c1'), 1);
});

test('tokens render the part they belong to and nothing else, once a flush', async () => {
  const { gateway, renders, seen, List, show, advance, text } = setUp();
  await show(createElement(List, { id: 'c1' }));
  await act(async () => void seen.conversation?.send('?'));
  await advance(0);
  const run = gateway.lastRunId('c1');
  gateway.start('c1', run);
  gateway.chunks('c1', run, [{ type: 'text-start', id: 't' }, delta('a')]);
  await advance(defaults.flushMs);
  const before = { ...renders };
  for (let flush = 0; flush < 3; flush++) {
    for (let token = 0; token < 50; token++) gateway.chunks('c1', run, [delta('b')]);
    await advance(defaults.flushMs);
  }
  assert.equal(text(), `?|a${'b'.repeat(150)}`);
  assert.equal(renders.list, before.list);
  // Three flushes, and StrictMode renders twice. The message renders too, since its run strip shows what has arrived.
  assert.equal(renders.part - before.part, 6);
  assert.equal(renders.message - before.message, 6);
});

test('actions keep their identity however often the conversation changes', async () => {
  const { gateway, seen, List, show, advance } = setUp();
  await show(createElement(List, { id: 'c1' }));
  for (let round = 0; round < 3; round++) {
    await act(async () => void seen.conversation?.send('?'));
    await advance(0);
    gateway.end('c1', gateway.lastRunId('c1'));
    await advance(0);
  }
  assert.equal(seen.actions.size, 1);
});

test('another id shows the other conversation in the same render, never the old one under the new name', async () => {
  const { gateway, client, clock, container } = setUp();
  client.conversation('c1').send('one');
  client.conversation('c2').send('two');
  await clock.settle(10);
  assert.deepEqual([gateway.conversation('c1').messages.size, gateway.conversation('c2').messages.size], [2, 2]);
  const shown: string[] = [];
  function Title({ id }: { id: string }): ReactNode {
    const conversation = useConversation(id);
    shown.push(`${id}=${conversation.id}`);
    return createElement('b', null, conversation.messageIds.length);
  }
  root = createRoot(container);
  for (const id of ['c1', 'c2', 'c1']) {
    await act(async () => {
      root?.render(createElement(ClientProvider, { client }, createElement(Title, { id })));
      await clock.settle(10);
    });
    assert.equal(container.textContent, '2');
  }
  assert.ok(
    shown.every((pair) => pair.split('=')[0] === pair.split('=')[1]),
    shown.join(' '),
  );
});

test('what changes between a render and its effect is caught up with', async () => {
  const { clock, client, container, gateway } = setUp();
  gateway.unreachable = '/';
  function Child(): ReactNode {
    // The effects of children run before those of their parents, which subscribe only then.
    useEffect(() => void client.conversation('c1').send('!'), []);
    return null;
  }
  function Count(): ReactNode {
    return createElement('b', null, useConversation('c1').messageIds.length, createElement(Child));
  }
  await act(async () => {
    root = createRoot(container);
    root.render(createElement(ClientProvider, { client }, createElement(Count)));
    await clock.settle();
  });
  assert.equal(container.textContent, '1');
});

test('the list of conversations follows what is written and what a connection says', async () => {
  const { gateway, container, client, seen, look, show, advance } = setUp();
  function Titles(): ReactNode {
    const { conversations, state } = useConversations();
    return createElement(
      'b',
      null,
      `${state} ${conversations.map(({ title, isRunning }) => `${title}${isRunning ? '*' : ''}`).join(',')}`,
    );
  }
  function Page(): ReactNode {
    const { state } = useConnection('c1');
    look(useConversation('c1'));
    return createElement('div', null, createElement(Titles), ` ${state}`);
  }
  await show(createElement(Page));
  await advance(0);
  assert.equal(container.textContent, 'ready  idle');
  await act(async () => void seen.conversation?.send('?'));
  await advance(0);
  assert.equal(container.textContent, 'ready T* live');
  const summary = {
    id: 'c2',
    title: 'Other',
    createdMs: 1,
    updatedMs: 2,
    isArchived: false,
    isDeleted: false,
    isRunning: false,
  };
  gateway.summary('c1', summary);
  gateway.summary('c1', { id: 7 });
  await advance(0);
  assert.equal(container.textContent, 'ready T*,Other live');
  gateway.summary('c1', { ...summary, isDeleted: true });
  await advance(0);
  assert.equal(container.textContent, 'ready T* live');
  assert.equal(client.conversations().get().hasMore, false);
});

test('a hook without its provider says which one is missing', () => {
  const container = window.document.createElement('div');
  function Lost(): ReactNode {
    return useConversation('c1').id;
  }
  root = createRoot(container, { onUncaughtError: () => {} });
  assert.throws(() => act(() => root?.render(createElement(Lost))), {
    code: 'INVALID_ARGUMENT',
    message: /ClientProvider/,
  });
});
