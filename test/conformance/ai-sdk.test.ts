// An unmodified AI SDK chat (ai 7.0.173: AbstractChat under the Chat of @ai-sdk/react 4.0.177) with the stock
// DefaultChatTransport, over a real port: the eight rules that such a client needs of a server.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { toRecord } from '@throughline/event';
import type { Listener } from '@throughline/gateway';
import type { UIMessage } from 'ai';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { cuttableWire, type CuttableWire } from '../support/cuttable-wire.ts';
import { scriptedGateway, type ScriptedGateway, type ScriptedRun } from '../support/scripted-gateway.ts';

let scripted: ScriptedGateway;
let listener: Listener;
let wire: CuttableWire;

before(async () => {
  scripted = await scriptedGateway();
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
});
after(() => scripted.close());
beforeEach(async () => {
  wire = await cuttableWire(listener.port);
});
afterEach(() => wire.close());

let chatCount = 0;
/** A chat as a page makes one; `errors` and `finishes` are what its callbacks were told. */
function open(id = `chat${++chatCount}`, messages: UIMessage[] = []) {
  const errors: Error[] = [];
  const finishes: { isAbort: boolean; isError: boolean; isDisconnect: boolean }[] = [];
  const chat = new Chat({
    id,
    messages,
    transport: new DefaultChatTransport({ api: `${wire.url}/api/chat` }),
    onError: (error) => errors.push(error),
    onFinish: ({ isAbort, isError, isDisconnect }) => finishes.push({ isAbort, isError, isDisconnect }),
  });
  return { chat, errors, finishes, id };
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** Waits for a condition, a turn of the event loop at a time. */
async function until(claim: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) assert.fail(`never: ${claim}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function begin(run: ScriptedRun, text: string): Promise<void> {
  await run.start();
  await run.open();
  await run.text(text);
}

describe('an unmodified chat', () => {
  test('sends a message and gets its reply under the id that the server minted', async () => {
    const { chat, errors, finishes } = open();
    const sent = chat.sendMessage({ text: 'Hello?' });
    const run = await scripted.nextRun();
    await begin(run, 'Hel');
    await until('the first text is shown', () => textOf(chat.lastMessage) === 'Hel');
    assert.equal(chat.status, 'streaming');
    await run.text('lo!');
    await run.finish();
    await sent;
    assert.equal(chat.status, 'ready');
    assert.deepEqual(errors, []);
    assert.deepEqual(finishes, [{ isAbort: false, isError: false, isDisconnect: false }]);
    assert.deepEqual(
      chat.messages.map((message) => [message.role, textOf(message)]),
      [
        ['user', 'Hello?'],
        ['assistant', 'Hello!'],
      ],
    );
    assert.equal(chat.lastMessage?.id, run.replyId);
  });

  test('holds a whole conversation: the second question follows the first reply', async () => {
    const { chat } = open();
    const first = chat.sendMessage({ text: 'one' });
    const firstRun = await scripted.nextRun();
    await begin(firstRun, '1');
    await firstRun.finish();
    await first;
    const second = chat.sendMessage({ text: 'two' });
    const secondRun = await scripted.nextRun();
    await begin(secondRun, '2');
    await secondRun.finish();
    await second;
    assert.deepEqual(chat.messages.map(textOf), ['one', '1', 'two', '2']);
    const { conversation } = await getConversation(chat.id);
    const question = conversation.messages.find(({ id }) => id === secondRun.messageId);
    assert.equal(question?.parentId, firstRun.replyId);
  });

  test('whose socket is destroyed in mid-reply gets an error, and resumes to the full text under the same id', async () => {
    const { chat, errors, finishes } = open();
    const sent = chat.sendMessage({ text: 'long' });
    const run = await scripted.nextRun();
    await begin(run, 'The first half, ');
    await until('half is shown', () => textOf(chat.lastMessage) === 'The first half, ');
    wire.cut();
    await sent;
    assert.equal(chat.status, 'error');
    assert.equal(errors.length, 1);
    assert.equal(finishes[0]?.isError, true);
    await run.text('written while nobody listened, ');
    const resumed = chat.resumeStream();
    await until('what was missed is shown', () => textOf(chat.lastMessage).endsWith('listened, '));
    await run.text('and the second half.');
    await run.finish();
    await resumed;
    assert.equal(chat.status, 'ready');
    assert.equal(chat.messages.length, 2);
    assert.equal(chat.lastMessage?.id, run.replyId);
    assert.equal(textOf(chat.lastMessage), 'The first half, written while nobody listened, and the second half.');
  });

  test('that is made anew after a reload resumes with the user message alone, and with a partial reply', async () => {
    for (const keepsPartial of [false, true]) {
      const before = open();
      const sent = before.chat.sendMessage({ text: 'reload me' });
      const run = await scripted.nextRun();
      await begin(run, 'before, ');
      await until('the text is shown', () => textOf(before.chat.lastMessage) === 'before, ');
      const kept = structuredClone(keepsPartial ? before.chat.messages : before.chat.messages.slice(0, 1));
      wire.cut();
      await sent;
      const { chat } = open(before.id, kept);
      const resumed = chat.resumeStream();
      await until('the replay is shown', () => chat.status === 'streaming' && textOf(chat.lastMessage) === 'before, ');
      await run.text('after');
      await run.finish();
      await resumed;
      assert.deepEqual(chat.messages.map(textOf), ['reload me', 'before, after'], `keepsPartial ${keepsPartial}`);
      assert.equal(chat.lastMessage?.id, run.replyId);
    }
  });

  test('that resumes an idle conversation, or one that never was, stays ready', async () => {
    const { chat, errors } = open();
    await chat.resumeStream();
    assert.equal(chat.status, 'ready');
    assert.deepEqual(errors, []);
    const sent = chat.sendMessage({ text: 'hi' });
    const run = await scripted.nextRun();
    await begin(run, 'ho');
    await run.finish();
    await sent;
    await chat.resumeStream();
    assert.equal(chat.status, 'ready');
    assert.deepEqual(chat.messages.map(textOf), ['hi', 'ho']);
  });

  test('regenerates: the new reply takes the place of the old one, which stays on the log as its sibling', async () => {
    const { chat } = open();
    const sent = chat.sendMessage({ text: 'again?' });
    const first = await scripted.nextRun();
    await begin(first, 'first');
    await first.finish();
    await sent;
    const again = chat.regenerate();
    const second = await scripted.nextRun();
    assert.equal(second.messageId, first.messageId);
    assert.notEqual(second.replyId, first.replyId);
    await begin(second, 'second');
    await second.finish();
    await again;
    assert.deepEqual(chat.messages.map(textOf), ['again?', 'second']);
    const { conversation } = await getConversation(chat.id);
    const replies = conversation.messages.filter(({ parentId }) => parentId === first.messageId);
    assert.deepEqual(
      replies.map(({ id }) => id),
      [first.replyId, second.replyId],
    );
  });

  test('edits a message: the question becomes a sibling with the new content, and is answered', async () => {
    const { chat } = open();
    const sent = chat.sendMessage({ text: 'What is a lgo?' });
    const first = await scripted.nextRun();
    await begin(first, 'no idea');
    await first.finish();
    await sent;
    const edited = chat.sendMessage({ text: 'What is a log?', messageId: first.messageId });
    const second = await scripted.nextRun();
    await begin(second, 'a list of events');
    await second.finish();
    await edited;
    assert.deepEqual(chat.messages.map(textOf), ['What is a log?', 'a list of events']);
    const { conversation } = await getConversation(chat.id);
    const questions = conversation.messages.filter(({ role }) => role === 'user');
    assert.deepEqual(
      questions.map(({ parentId }) => parentId),
      [null, null],
    );
  });

  test('whose component goes away stops nothing; the stop endpoint does, and the reply ends as aborted', async () => {
    const { chat, errors } = open();
    const sent = chat.sendMessage({ text: 'stop me' });
    const run = await scripted.nextRun();
    await begin(run, 'so far');
    await until('the text is shown', () => textOf(chat.lastMessage) === 'so far');
    await chat.stop();
    await sent;
    assert.equal(await requestedStops(run), 0);
    const resumed = chat.resumeStream();
    await until('the replay is shown', () => chat.status === 'streaming');
    const stops = await Promise.all([stop(chat.id), stop(chat.id)]);
    assert.deepEqual(
      stops.map(({ status }) => status),
      [202, 202],
    );
    assert.equal(await requestedStops(run), 1);
    await run.end({ outcome: 'stopped' });
    await resumed;
    assert.equal(chat.status, 'ready');
    assert.equal(textOf(chat.lastMessage), 'so far');
    assert.deepEqual(errors, []);
  });

  test('shows a failed run as an error with its code, and the text so far stays', async () => {
    const { chat, errors } = open();
    const sent = chat.sendMessage({ text: 'fail' });
    const run = await scripted.nextRun();
    await begin(run, 'as far as I got');
    await run.end({ outcome: 'failed', error: { code: 'FUNCTION_ERROR', message: 'the handler threw' } });
    await sent;
    assert.equal(chat.status, 'error');
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['FUNCTION_ERROR: the handler threw'],
    );
    assert.equal(textOf(chat.lastMessage), 'as far as I got');
  });

  test('asks again after a request that never arrived: regenerate puts the question on the log', async () => {
    const { chat, errors } = open();
    wire.reject(true);
    await chat.sendMessage({ text: 'lost' });
    assert.equal(errors.length, 1);
    wire.reject(false);
    const again = chat.regenerate();
    const run = await scripted.nextRun();
    await begin(run, 'found');
    await run.finish();
    await again;
    assert.deepEqual(chat.messages.map(textOf), ['lost', 'found']);
  });

  test('gets a finish where the function wrote none, and no text from attempts that were fenced', async () => {
    const { chat } = open();
    const sent = chat.sendMessage({ text: 'two attempts' });
    const run = await scripted.nextRun();
    await begin(run, 'first ');
    const fenced = run.attempt;
    await run.start();
    await run.text('second');
    const current = run.attempt;
    run.attempt = fenced;
    await run.chunks({ type: 'text-delta', id: 't1', delta: ' (a zombie)' });
    run.attempt = current;
    await run.end({ outcome: 'done' });
    await sent;
    assert.equal(chat.status, 'ready');
    assert.equal(textOf(chat.lastMessage), 'first second');
  });

  test('resuming a superseded run goes on with the run that took over', async () => {
    const { chat } = open();
    const sent = chat.sendMessage({ text: 'diverge' });
    const run = await scripted.nextRun();
    await begin(run, 'one way');
    await until('the text is shown', () => textOf(chat.lastMessage) === 'one way');
    wire.cut();
    await sent;
    const resumed = chat.resumeStream();
    await until('the replay is shown', () => chat.status === 'streaming');
    const successor = await supersede(run);
    await begin(successor, 'another way');
    await successor.finish();
    await resumed;
    assert.equal(chat.status, 'ready');
    assert.deepEqual(chat.messages.map(textOf), ['diverge', 'one way', 'another way']);
    assert.equal(chat.lastMessage?.id, successor.replyId);
  });

  test('whose run is superseded while it is shown keeps that reply and gets the other one beside it', async () => {
    const { chat, errors } = open();
    const sent = chat.sendMessage({ text: 'diverge in one response' });
    const run = await scripted.nextRun();
    await begin(run, 'one way');
    await until('the text is shown', () => textOf(chat.lastMessage) === 'one way');
    const successor = await supersede(run);
    await begin(successor, 'another way');
    await successor.finish();
    await sent;
    assert.deepEqual(errors, []);
    assert.deepEqual(chat.messages.map(textOf), ['diverge in one response', 'one way', 'another way']);
    assert.equal(chat.lastMessage?.id, successor.replyId);
  });

  test('whose run of several steps is superseded is cut, and resumes with the run that took over', async () => {
    const { chat, errors } = open();
    const sent = chat.sendMessage({ text: 'diverge in the second step' });
    const run = await scripted.nextRun();
    await begin(run, 'step one');
    await run.chunks({ type: 'text-end', id: 't1' }, { type: 'finish-step' });
    await run.open('t2');
    await run.text(', step two', 't2');
    await until('the text is shown', () => textOf(chat.lastMessage) === 'step one, step two');
    const successor = await supersede(run);
    await sent;
    assert.equal(errors.length, 1);
    await begin(successor, 'another');
    const resumed = chat.resumeStream();
    await until('the other reply is shown', () => textOf(chat.lastMessage) === 'another');
    await successor.text(' way');
    await successor.finish();
    await resumed;
    assert.equal(chat.status, 'ready');
    assert.deepEqual(chat.messages.map(textOf), ['diverge in the second step', 'step one, step two', 'another way']);
  });

  test('two readers of one reply see the same', async () => {
    const writer = open();
    const sent = writer.chat.sendMessage({ text: 'both' });
    const run = await scripted.nextRun();
    await begin(run, 'seen ');
    await until('the text is shown', () => textOf(writer.chat.lastMessage) === 'seen ');
    const reader = open(writer.id, structuredClone(writer.chat.messages.slice(0, 1)));
    const resumed = reader.chat.resumeStream();
    await until('the replay is shown', () => textOf(reader.chat.lastMessage) === 'seen ');
    await run.text('by two');
    await run.finish();
    await Promise.all([sent, resumed]);
    assert.equal(textOf(writer.chat.lastMessage), 'seen by two');
    assert.deepEqual(reader.chat.lastMessage, writer.chat.lastMessage);
  });

  test('takes a gateway that stops in mid-reply for an error, never for success', async () => {
    const other = await scripted.another();
    const { port } = await other.listen({ host: '127.0.0.1', port: 0 });
    const second = await cuttableWire(port);
    const errors: Error[] = [];
    const chat = new Chat({
      id: `chat${++chatCount}`,
      transport: new DefaultChatTransport({ api: `${second.url}/api/chat` }),
      onError: (error) => errors.push(error),
    });
    const sent = chat.sendMessage({ text: 'and then?' });
    const run = await scripted.nextRun();
    await begin(run, 'and then the server stopp');
    await until('the text is shown', () => textOf(chat.lastMessage) !== '');
    const startedMs = performance.now();
    await other.close();
    assert.ok(performance.now() - startedMs < 2_000);
    await sent;
    assert.equal(chat.status, 'error');
    assert.equal(errors.length, 1);
    second.close();
  });
});

interface Snapshot {
  readonly messages: readonly { readonly id: string; readonly parentId: string | null; readonly role: string }[];
}

async function getConversation(id: string): Promise<{ conversation: Snapshot; offset: string }> {
  const response = await fetch(`${listener.url}/v1/conversations/${id}`);
  assert.equal(response.status, 200);
  return (await response.json()) as { conversation: Snapshot; offset: string };
}

function stop(id: string): Promise<Response> {
  return fetch(`${listener.url}/api/chat/${id}/stop`, { method: 'POST' });
}

/** How often stop was asked of a run, by the log. */
async function requestedStops(run: ScriptedRun): Promise<number> {
  const response = await fetch(`${listener.url}/v1/topics/conversations/records?limit=10000`);
  const lines = (await response.text()).split('\n').filter(Boolean);
  const records = lines.map((line) => JSON.parse(line) as { headers: { key: string; value: string }[] });
  return records.filter(({ headers }) => {
    const value = (name: string): string | undefined => headers.find(({ key }) => key === name)?.value;
    return value('tl-type') === 'stop-requested' && value('tl-run') === run.id;
  }).length;
}

/** Ends `run` superseded by a new one, as a supervisor does when a second attempt diverges. */
async function supersede(run: ScriptedRun): Promise<ScriptedRun> {
  const id = scripted.ulid();
  await run.end({ outcome: 'superseded', supersededBy: id });
  await scripted.log.append('conversations', [
    toRecord({
      type: 'run-requested',
      id: scripted.ulid(),
      stream: run.stream,
      run: id,
      payload: { messageId: run.messageId, replyId: scripted.ulid(), function: 'answer', supersedes: run.id },
    }),
  ]);
  return scripted.nextRun();
}
