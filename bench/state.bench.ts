// The state core: what an event costs in a short and in a long conversation, and how long a reply of 5,000 chunks takes to
// come back into a page, against the AI SDK's own `Chat` and `useChat` in the same process. The page is jsdom, so layout and
// paint are not in it; both sides render the same plain text with React.
import {
  emptyConversation,
  eventToJson,
  narrowEvent,
  reduceConversation,
  snapshotOf,
  systemClock,
  textOf,
  utf8,
  type Clock,
  type Conversation,
  type PlacedEvent,
} from '@throughline/event';
import { createClient, defaults } from '@throughline/state';
import type { ChatTransport, UIMessage, UIMessageChunk } from 'ai';
import { JSDOM } from 'jsdom';
import { percentile, report, type Figure } from './support/figures.ts';

const { window } = new JSDOM('<main></main>');
Object.assign(globalThis, { window, document: window.document });
const { createElement, Profiler } = await import('react');
const { createRoot } = await import('react-dom/client');
const { Chat, useChat } = await import('@ai-sdk/react');
const { ClientProvider, ConversationProvider, useConversation, useMessage, usePart } =
  await import('@throughline/state/react');

const eventCount = 100_000;
const peerEventCount = 5_000;
const replayChunkCount = 5_000;
const rounds = 9;
const pairRounds = 5;
const stream = 'conversations/c1';
const words = ['Every ', 'token ', 'is ', 'on ', 'the ', 'log ', 'before ', 'it ', 'is ', 'shown. '];
const word = (index: number): string => words[index % words.length]!;

let offset = 0n;
function event(
  type: string,
  payload: unknown,
  headers: { run?: string; attempt?: number; seq?: number } = {},
): PlacedEvent {
  const at = { topic: 'conversations', partition: 0, offset: offset++, timestampMs: 1 };
  return narrowEvent({ type, id: '01J00000000000000000000000', stream, payload, ...headers, at });
}

/** A conversation of `messageCount` messages whose last is a reply that is about to be written. */
function history(messageCount: number): Conversation {
  offset = 0n;
  const conversation = emptyConversation('c1');
  let parentId: string | null = null;
  for (let index = 0; index < messageCount - 1; index++) {
    const messageId = `m${index}`;
    const role = index % 2 === 0 ? 'user' : 'assistant';
    const parts = [{ type: 'text', text: `Message ${index}` }];
    reduceConversation(conversation, event('message-created', { messageId, parentId, role, parts }));
    parentId = messageId;
  }
  reduceConversation(
    conversation,
    event('run-requested', { messageId: parentId, replyId: 'reply', function: 'f' }, { run: 'r' }),
  );
  const attempt = { function: 'f', environment: { id: 'e', pid: 1 }, owner: 's', leaseMs: 1, keep: 0 };
  reduceConversation(conversation, event('attempt-started', attempt, { run: 'r', attempt: 1 }));
  return conversation;
}

/** The chunk records of a reply, one token each: the most that a reader can be asked to do. */
function reply(chunkCount: number): PlacedEvent[] {
  return Array.from({ length: chunkCount }, (_, seq) => {
    const delta = { type: 'text-delta', id: 't', delta: word(seq) };
    const chunks = seq === 0 ? [{ type: 'text-start', id: 't' }, delta] : [delta];
    return event('chunk', { chunks }, { run: 'r', attempt: 1, seq });
  });
}

/** Processor time of this thread: per-event costs are small, and other work on the machine is none of them. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function foldUs(messageCount: number): number {
  const conversation = history(messageCount);
  const events = reply(eventCount);
  const startedUs = cpuUs();
  for (const next of events) reduceConversation(conversation, next);
  return (cpuUs() - startedUs) / eventCount;
}

// ── the whole core: bytes in, a part's value out, flushed every seven tokens (33 ms at 200 tokens a second) ──

const token = (at: bigint): string => `aaaaaaaa_${String(at).padStart(20, '0')}_000000`;
function sse(events: readonly PlacedEvent[]): Uint8Array {
  return utf8(
    events
      .map((next) => `id: ${token(next.at.offset)}\nevent: event\ndata: ${JSON.stringify(eventToJson(next))}\n\n`)
      .join(''),
  );
}
const caughtUp = utf8('event: caught-up\ndata: {}\n\n');

/** A gateway that answers with `conversation`, and an event stream whose controller is handed to `onStream`. */
function gatewayOf(
  conversation: Conversation,
  onStream: (controller: ReadableStreamDefaultController<Uint8Array>) => void,
) {
  const snapshot = JSON.stringify({ conversation: snapshotOf(conversation), offset: token(conversation.lastOffset) });
  return (input: unknown): Promise<Response> => {
    if (!String(input).includes('/events')) return Promise.resolve(new Response(snapshot));
    return Promise.resolve(new Response(new ReadableStream({ start: onStream })));
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

async function coreUs(messageCount: number): Promise<number> {
  const flushes = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    after(delayMs, action) {
      if (delayMs === defaults.flushMs) flushes.add(action);
      return { cancel: () => flushes.delete(action) };
    },
  };
  const conversation = history(messageCount);
  const events = reply(eventCount / 5);
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const client = createClient({ fetch: gatewayOf(conversation, (made) => (controller = made)), clock });
  const live = client.conversation('c1');
  let changes = 0;
  live.subscribe('conversation', () => {});
  live.subscribe('message:reply', () => {});
  live.subscribe('part:reply:0', () => changes++);
  await until(() => controller !== undefined);
  controller.enqueue(caughtUp);
  await turn();
  const batches: Uint8Array[] = [];
  for (let index = 0; index < events.length; index += 7) batches.push(sse(events.slice(index, index + 7)));
  const startedUs = cpuUs();
  for (const batch of batches) {
    controller.enqueue(batch);
    await turn();
    for (const flush of flushes) flush();
    flushes.clear();
  }
  const us = (cpuUs() - startedUs) / events.length;
  if (changes < batches.length * 0.9) throw new Error(`only ${changes} changes for ${batches.length} flushes`);
  client.close();
  return us;
}

/** The AI SDK's Chat with as many messages before: per chunk, in one stream. */
async function chatUs(messageCount: number): Promise<number> {
  const messages: UIMessage[] = Array.from({ length: messageCount - 1 }, (_, index) => ({
    id: `m${index}`,
    role: index % 2 === 0 ? 'user' : 'assistant',
    parts: [{ type: 'text', text: `Message ${index}` }],
  }));
  const chat = new Chat({ id: 'c1', messages, transport: transportOf(peerEventCount) });
  const startedUs = cpuUs();
  await chat.sendMessage({ text: '?' });
  const us = (cpuUs() - startedUs) / peerEventCount;
  if (chat.messages.length !== messageCount + 1) throw new Error('the peer has lost its reply');
  return us;
}

function transportOf(chunkCount: number): ChatTransport<UIMessage> {
  const chunks: UIMessageChunk[] = [
    { type: 'start', messageId: 'reply' },
    { type: 'text-start', id: 't' },
    ...Array.from({ length: chunkCount }, (_, index) => ({ type: 'text-delta' as const, id: 't', delta: word(index) })),
    { type: 'text-end', id: 't' },
    { type: 'finish' },
  ];
  const stream = (): ReadableStream<UIMessageChunk> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
  return { sendMessages: () => Promise.resolve(stream()), reconnectToStream: () => Promise.resolve(stream()) };
}

// ── replay into a page ──

interface Replay {
  readonly ms: number;
  readonly commits: number;
}

function page(): { container: HTMLElement; commits: () => number; count: () => void } {
  let commits = 0;
  return { container: window.document.createElement('div'), commits: () => commits, count: () => void commits++ };
}

const expectedLength = Array.from({ length: replayChunkCount }, (_, index) => word(index).length).reduce(
  (a, b) => a + b,
  0,
);

async function shown(container: HTMLElement): Promise<void> {
  await until(() => (container.textContent?.length ?? 0) >= expectedLength);
}

/** `reconnect`: a page that was cut gets 5,000 chunk records; `reload`: a new page gets them folded in a snapshot. */
async function ourReplay(kind: 'reconnect' | 'reload'): Promise<Replay> {
  const conversation = history(200);
  const events = reply(replayChunkCount);
  const bytes = sse(events);
  if (kind === 'reload') for (const next of events) reduceConversation(conversation, next);
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const client = createClient({ fetch: gatewayOf(conversation, (made) => (controller = made)) });
  const { container, commits, count } = page();
  const Text = () => createElement('p', null, textOf([usePart('reply', 0) ?? { type: 'none' }]));
  const Message = () => ((useMessage('reply')?.partCount ?? 0) > 0 ? createElement(Text) : null);
  const Screen = () => {
    const { messageIds } = useConversation('c1');
    return createElement(
      ConversationProvider,
      { id: 'c1' },
      messageIds.includes('reply') ? createElement(Message) : null,
    );
  };
  const root = createRoot(container);
  const element = createElement(
    Profiler,
    { id: 'page', onRender: count },
    createElement(ClientProvider, { client }, createElement(Screen)),
  );
  let startedMs = performance.now();
  let before = 0;
  root.render(element);
  if (kind === 'reconnect') {
    await until(() => controller !== undefined && container.textContent === '');
    await turn();
    // The page is there with its two hundred messages; what it missed comes in pieces of 64 KiB, as from a socket.
    before = commits();
    startedMs = performance.now();
    for (let from = 0; from < bytes.length; from += 65_536) controller!.enqueue(bytes.subarray(from, from + 65_536));
    controller!.enqueue(caughtUp);
  }
  await shown(container);
  const ms = performance.now() - startedMs;
  const result = { ms, commits: commits() - before };
  root.unmount();
  client.close();
  return result;
}

async function peerReplay(): Promise<Replay> {
  const messages: UIMessage[] = Array.from({ length: 200 }, (_, index) => ({
    id: `m${index}`,
    role: index % 2 === 0 ? 'assistant' : 'user',
    parts: [{ type: 'text', text: `Message ${index}` }],
  }));
  const chat = new Chat({ id: 'c1', messages, transport: transportOf(replayChunkCount) });
  const { container, commits, count } = page();
  const Screen = () => {
    const last = useChat({ chat }).messages.at(-1);
    const part = last?.id === 'reply' ? last.parts[0] : undefined;
    return createElement('p', null, part?.type === 'text' ? part.text : '');
  };
  const root = createRoot(container);
  root.render(createElement(Profiler, { id: 'page', onRender: count }, createElement(Screen)));
  await until(() => commits() > 0);
  const before = commits();
  const startedMs = performance.now();
  void chat.resumeStream();
  await shown(container);
  const result = { ms: performance.now() - startedMs, commits: commits() - before };
  root.unmount();
  return result;
}

/** The round of median duration. */
async function median(measure: () => Promise<Replay>): Promise<Replay> {
  const results: Replay[] = [];
  for (let round = 0; round < rounds; round++) results.push(await measure());
  const middle = percentile(
    results.map(({ ms }) => ms),
    0.5,
  );
  return results.find(({ ms }) => ms === middle) ?? results[0]!;
}

/** Short and long conversation in turn, after a round that warms up; of each the round that was disturbed least. */
async function pair(
  measure: (messageCount: number) => number | Promise<number>,
): Promise<{ short: number; long: number }> {
  await measure(200);
  const short: number[] = [];
  const long: number[] = [];
  for (let round = 0; round < pairRounds; round++) {
    short.push(await measure(200));
    long.push(await measure(10_000));
  }
  return { short: Math.min(...short), long: Math.min(...long) };
}

const fold = await pair(foldUs);
const core = await pair(coreUs);
const peer = await pair(chatUs);
await ourReplay('reconnect');
const reconnect = await median(() => ourReplay('reconnect'));
const reload = await median(() => ourReplay('reload'));
await peerReplay();
const peerPage = await median(peerReplay);
const peerText = `useChat ${peerPage.ms.toFixed(1)} ms, ${peerPage.commits} commits`;
const chatText = `AI SDK Chat ${peer.short.toFixed(1)} us at 200, ${peer.long.toFixed(1)} us at 10,000`;

const figures: Figure[] = [
  { name: 'fold, per event, 200 messages', value: fold.short, unit: 'us CPU' },
  { name: 'fold, per event, 10,000 messages', value: fold.long, unit: 'us CPU' },
  { name: 'fold, 10,000 over 200 messages', value: fold.long / fold.short, unit: 'x', bar: '<= 1.2' },
  { name: 'core from bytes, per event, 200 messages', value: core.short, unit: 'us CPU', peer: chatText },
  { name: 'core from bytes, per event, 10,000 messages', value: core.long, unit: 'us CPU', peer: chatText },
  { name: 'core from bytes, 10,000 over 200 messages', value: core.long / core.short, unit: 'x', bar: '<= 1.2' },
  { name: 'replay of 5,000 chunks after a cut', value: reconnect.ms, unit: 'ms', bar: '<= 25', peer: peerText },
  { name: 'commits of that replay', value: reconnect.commits, unit: 'commits', bar: '<= 1', peer: peerText },
  { name: 'reload with 5,000 chunks behind it', value: reload.ms, unit: 'ms', bar: '<= 25', peer: peerText },
];
report('State core: fold, bytes to view, replay into a React page (jsdom)', figures);
process.exit(0);
