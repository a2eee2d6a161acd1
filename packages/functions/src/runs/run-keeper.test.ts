// Which runs are begun here while the share of this supervisor changes, and what is known of those that were begun. The log
// is read by hand, so that each test says what has been read back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conversationStream,
  emptyConversation,
  eventFromRecord,
  reduceConversation,
  seededRandom,
  silentLogger,
  toRecord,
  ulids,
  type RawEvent,
} from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { functionDefaults } from '../defaults.ts';
import type { InvocationSink, Settlement } from '../invoker/invocation-contract.ts';
import { cancelled, exited } from '../invoker/invocation-errors.ts';
import type { Invoker } from '../invoker/invoker.ts';
import { RunKeeper } from './run-keeper.ts';

const topic = 'conversations';
const stream = conversationStream('c');

async function bench() {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  await log.admin.createTopic(topic, { partitions: 1 });
  const newId = ulids(clock, seededRandom(1));
  const invocations: { readonly sink: InvocationSink; readonly signal: AbortSignal }[] = [];
  const config = { name: 'f', entry: '/f.ts', env: {}, ...functionDefaults };
  const invoker = {
    config,
    invoke(_: unknown, sink: InvocationSink, signal: AbortSignal) {
      invocations.push({ sink, signal });
      signal.addEventListener('abort', () => sink.ended!({ error: cancelled() } as Settlement), { once: true });
      return new Promise<Settlement>(() => {});
    },
  } as unknown as Invoker;
  const share = { isOurs: true };
  const noted: string[] = [];
  const keeper = new RunKeeper({
    owner: 'me',
    log,
    topic,
    areOthersDead: false,
    ownerPrefix: undefined,
    functions: new Map([['f', { invoker, config }]]),
    clock,
    random: seededRandom(2),
    logger: silentLogger,
    newId,
    mayStart: () => share.isOurs,
    onNoted: (run) => void noted.push(run.id),
  });
  const conversation = emptyConversation('c');
  let offset = 0n;
  return {
    keeper,
    invocations,
    clock,
    noted,
    setShare: (isOurs: boolean): void => {
      share.isOurs = isOurs;
      keeper.sharesChanged();
    },
    /** An environment is free for an invocation. */
    begin: (index: number): void =>
      invocations[index]!.sink.started!({ environment: { id: 'e', pid: 1 }, isCold: false, billedMs: () => 1 }),
    die: (index: number): void => invocations[index]!.sink.ended!({ error: exited('it was killed') } as Settlement),
    request: async (run: string): Promise<void> => {
      const messageId = `message-${run}`;
      const message = { messageId, parentId: null, role: 'user', parts: [{ type: 'text', text: 'why?' }] };
      const events: RawEvent[] = [
        { type: 'message-created', id: newId(), stream, payload: message },
        {
          type: 'run-requested',
          id: newId(),
          stream,
          run,
          payload: { messageId, replyId: `to-${run}`, function: 'f' },
        },
      ];
      await log.append(topic, events.map(toRecord));
    },
    append: async (event: Omit<RawEvent, 'id' | 'stream'>): Promise<void> => {
      await log.append(topic, [toRecord({ ...event, id: newId(), stream })]);
    },
    /** Reads what the log has. */
    read: async (): Promise<void> => {
      const { records, nextOffset } = await log.read({ topic, partition: 0, offset });
      offset = nextOffset;
      for (const record of records) {
        const event = eventFromRecord(record);
        keeper.onEvent(event, { conversation, change: reduceConversation(conversation, event) });
      }
    },
    known: (): { unsettled: boolean; atWork: boolean } => ({
      unsettled: keeper.isUnsettled('f', 0),
      atWork: keeper.isAtWork('f', 0),
    }),
  };
}

test('a run of a partition that is not ours is begun when it becomes so', async () => {
  const { request, read, invocations, setShare } = await bench();
  setShare(false);
  await request('a');
  await read();
  assert.equal(invocations.length, 0);
  setShare(true);
  assert.equal(invocations.length, 1);
  setShare(true);
  assert.equal(invocations.length, 1, 'it waits already');
});

test('a run that waits gives up its place when its partition goes, and is known to be nothing of ours', async () => {
  const { request, read, invocations, setShare, known } = await bench();
  await request('a');
  await read();
  assert.equal(invocations.length, 1);
  setShare(false);
  assert.equal(invocations[0]!.signal.aborted, true);
  assert.deepEqual(known(), { unsettled: false, atWork: false });
  setShare(true);
  assert.equal(invocations.length, 2);
});

test('a run that was begun is unsettled until its claim has been read back, and at work until its end has', async () => {
  const { request, read, begin, setShare, known, append, noted, invocations } = await bench();
  await request('a');
  await read();
  begin(0);
  setShare(false);
  assert.equal(invocations[0]!.signal.aborted, false);
  assert.deepEqual(known(), { unsettled: true, atWork: true });
  noted.length = 0;
  await read();
  assert.deepEqual(known(), { unsettled: false, atWork: true });
  assert.deepEqual(noted, ['a'], 'whoever waits for that is told');
  await append({ type: 'run-ended', run: 'a', attempt: 1, actor: 'me', payload: { outcome: 'done' } });
  await read();
  assert.deepEqual(known(), { unsettled: false, atWork: false });
  assert.ok(noted.length > 1);
});

test('a run whose process dies is tried again here, although its partition has gone', async () => {
  const { request, read, begin, die, setShare, known, invocations } = await bench();
  await request('a');
  await request('b');
  await read();
  begin(0);
  await read();
  setShare(false);
  die(0);
  // The first place of `b` was given up, and nobody asked for another one.
  assert.equal(invocations.length, 3);
  assert.deepEqual(known(), { unsettled: false, atWork: true });
  begin(2);
  await read();
  assert.deepEqual(known(), { unsettled: false, atWork: true });
});

test('a run that another supervisor has taken over is nothing of ours any more', async () => {
  const { request, read, begin, setShare, known, append, invocations } = await bench();
  await request('a');
  await read();
  begin(0);
  await read();
  setShare(false);
  const environment = { id: 'other', pid: 2 };
  const payload = { function: 'f', environment, owner: 'other', leaseMs: 1_000, keep: 0 };
  await append({ type: 'attempt-started', run: 'a', attempt: 2, actor: 'other', payload });
  await read();
  assert.equal(invocations[0]!.signal.aborted, true);
  assert.deepEqual(known(), { unsettled: false, atWork: false });
});

test('the lease of another supervisor is waited for also in a partition that has just become ours', async () => {
  const { request, read, setShare, append, invocations, clock } = await bench();
  setShare(false);
  await request('a');
  const environment = { id: 'other', pid: 2 };
  const payload = { function: 'f', environment, owner: 'other', leaseMs: 20_000, keep: 0 };
  await append({ type: 'attempt-started', run: 'a', attempt: 1, actor: 'other', payload });
  await read();
  setShare(true);
  await clock.advance(10_000);
  assert.equal(invocations.length, 0);
  await clock.advance(15_000);
  assert.equal(invocations.length, 1);
});
