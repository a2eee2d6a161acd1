// The walk from outside: an unmodified Chat of the AI SDK with the stock transport against a real server with real function
// processes, through everything that is promised to survive.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, type UIMessage } from 'ai';
import { cuttableWire, type CuttableWire } from '../support/cuttable-wire.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { turnsOf } from '../support/turns.ts';

let server: TestServer;
let wire: CuttableWire;

before(async () => {
  server = await startServer({ app: 'test/support/faults' });
  wire = await cuttableWire(server.port);
});
after(async () => {
  wire.close();
  await server.dispose();
});

let chatCount = 0;
/** A chat as a page makes one. */
function open(id = `walk${++chatCount}`, messages: UIMessage[] = []) {
  const errors: Error[] = [];
  const chat = new Chat({
    id,
    messages,
    transport: new DefaultChatTransport({ api: `${wire.url}/api/chat` }),
    onError: (error) => errors.push(error),
  });
  return { chat, errors, id };
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** What the function of the test application speaks. */
function words(count: number, prefix = 'word'): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${index} `).join('');
}

async function until(claim: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > endMs) assert.fail(`never: ${claim}`);
    await pause(2);
  }
}

/** Resumes as a page does, until the server is there. */
async function resume(chat: Chat<UIMessage>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    await chat.resumeStream();
    if (chat.status === 'ready') return;
    await pause(50);
  }
  assert.fail('never resumed');
}

async function conversationOf(id: string) {
  const response = await fetch(`${server.url}/v1/conversations/${id}`);
  assert.equal(response.status, 200);
  const { conversation } = (await response.json()) as {
    conversation: {
      messages: { id: string; parentId: string | null; role: string }[];
      runs: { id: string; outcome?: string; attempts: { environment: { pid: number } }[] }[];
    };
  };
  return conversation;
}

/** Kills the process that serves the newest run of a conversation. */
async function killFunctionOf(id: string): Promise<void> {
  const { runs } = await conversationOf(id);
  const pid = runs.at(-1)?.attempts.at(-1)?.environment.pid;
  assert.ok(pid !== undefined);
  process.kill(pid, 'SIGKILL');
}

const half = 20;
// What is left after half must last until a second reader has come, on a busy machine too.
const whole = 150;
const ask = { text: `words ${whole} 10` };

describe('an unmodified chat and a real server', () => {
  test('a question is answered, and the next one follows the reply', async () => {
    const { chat, errors, id } = open();
    await chat.sendMessage({ text: 'words 3 1' });
    await chat.sendMessage({ text: 'words 2 1' });
    assert.deepEqual(chat.messages.map(textOf), ['words 3 1', words(3), 'words 2 1', words(2)]);
    assert.deepEqual(errors, []);
    const { messages } = await conversationOf(id);
    assert.deepEqual(
      messages.map(({ parentId }) => parentId),
      [null, ...messages.slice(0, -1).map((message) => message.id)],
    );
  });

  test('a second chat resumes in mid-answer, and both end with the same message', async () => {
    const { chat, id } = open();
    const sent = chat.sendMessage(ask);
    await until('half is shown', () => textOf(chat.lastMessage).length >= words(half).length);
    const second = open(id, structuredClone(chat.messages.slice(0, 1)));
    await Promise.all([sent, second.chat.resumeStream()]);
    assert.equal(textOf(second.chat.lastMessage), words(whole));
    assert.equal(textOf(chat.lastMessage), words(whole));
    assert.equal(second.chat.lastMessage?.id, chat.lastMessage?.id);
    assert.equal(second.chat.messages.length, 2);
  });

  test('a socket that is cut is an error; resumed, the answer is whole', async () => {
    const { chat, errors } = open();
    const sent = chat.sendMessage(ask);
    await until('half is shown', () => textOf(chat.lastMessage).length >= words(half).length);
    wire.cut();
    await sent;
    assert.equal(chat.status, 'error');
    assert.equal(errors.length, 1);
    await resume(chat);
    assert.deepEqual(chat.messages.map(textOf), [ask.text, words(whole)]);
  });

  test('stop ends the reply as aborted, and the text so far stays', async () => {
    const { chat, errors, id } = open();
    const sent = chat.sendMessage({ text: 'words 2000 10' });
    await until('something is shown', () => textOf(chat.lastMessage).length > 20);
    const response = await fetch(`${server.url}/api/chat/${id}/stop`, { method: 'POST' });
    assert.equal(response.status, 202);
    await sent;
    assert.equal(chat.status, 'ready');
    assert.deepEqual(errors, []);
    const shown = textOf(chat.lastMessage);
    assert.ok(words(2000).startsWith(shown) && shown.length < words(200).length);
    const again = await fetch(`${server.url}/api/chat/${id}/stop`, { method: 'POST' });
    assert.deepEqual([again.status, await again.json()], [202, { conversationId: id, runIds: [] }]);
    assert.deepEqual(
      (await turnsOf(server.url, id, 1)).map(({ outcome }) => outcome),
      ['stopped'],
    );
  });

  test('regenerate takes the place of the reply, which stays on the log as its sibling', async () => {
    const { chat, id } = open();
    await chat.sendMessage({ text: 'words 3 1' });
    const first = chat.lastMessage?.id;
    await chat.regenerate();
    assert.deepEqual(chat.messages.map(textOf), ['words 3 1', words(3)]);
    const { messages } = await conversationOf(id);
    const replies = messages.filter(({ role }) => role === 'assistant');
    assert.deepEqual(
      replies.map((reply) => reply.id),
      [first, chat.lastMessage?.id],
    );
    assert.equal(new Set(replies.map(({ parentId }) => parentId)).size, 1);
  });

  test('an error of the function is shown with its code, behind the text so far', async () => {
    const { chat, errors, id } = open();
    await chat.sendMessage({ text: 'fault throw-during' });
    assert.equal(chat.status, 'error');
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['FUNCTION_ERROR: Error: in the middle'],
    );
    assert.equal(textOf(chat.lastMessage), words(3));
    assert.deepEqual(
      (await turnsOf(server.url, id, 1)).map((row) => [row['outcome'], row['error_code']]),
      [['failed', 'FUNCTION_ERROR']],
    );
    await chat.sendMessage({ text: 'words 2 1' });
    assert.equal(textOf(chat.lastMessage), words(2));
  });

  test('a function that is killed costs a pause: the same response goes on and is exact', async () => {
    const { chat, errors, id } = open();
    const sent = chat.sendMessage(ask);
    for (const shown of [5, half]) {
      await until(`${shown} words`, () => textOf(chat.lastMessage).length >= words(shown).length);
      await killFunctionOf(id);
    }
    await sent;
    assert.deepEqual(errors, []);
    assert.deepEqual(chat.messages.map(textOf), [ask.text, words(whole)]);
    const { runs } = await conversationOf(id);
    assert.deepEqual(
      runs.map(({ attempts, outcome }) => [attempts.length, outcome]),
      [[3, 'done']],
    );
    assert.equal((await turnsOf(server.url, id, 1))[0]?.['attempts'], 3);
  });

  test('a function that says something else after a kill: its reply stays, a sibling goes on, each has its row', async () => {
    const { chat, errors, id } = open();
    const sent = chat.sendMessage({ text: 'vary 20 10' });
    await until('some of the first', () => textOf(chat.lastMessage).includes('first5 '));
    const formerText = textOf(chat.lastMessage);
    await killFunctionOf(id);
    await sent;
    assert.deepEqual(errors, []);
    assert.equal(textOf(chat.lastMessage), words(20, 'second'));
    assert.match(formerText, /^first0 /);
    const { runs, messages } = await conversationOf(id);
    assert.deepEqual(
      runs.map(({ outcome }) => outcome),
      ['superseded', 'done'],
    );
    assert.equal(messages.filter(({ role }) => role === 'assistant').length, 2);
    const rows = await turnsOf(server.url, id, 2);
    assert.deepEqual(new Set(rows.map(({ outcome }) => outcome)), new Set(['done', 'superseded']));
    assert.equal(new Set(rows.map((row) => row['run_id'])).size, 2);
  });

  test('a server that is killed in mid-answer is an error; it starts again, and the resumed answer is whole', async () => {
    const { chat, errors, id } = open();
    const sent = chat.sendMessage(ask);
    await until('half is shown', () => textOf(chat.lastMessage).length >= words(half).length);
    const shown = textOf(chat.lastMessage);
    await server.kill9();
    await sent;
    assert.equal(chat.status, 'error');
    assert.equal(errors.length, 1);
    await server.start();
    await resume(chat);
    // An answer that ended before the chat came back is no longer resumed; then a reload shows it.
    const reloaded = await conversationOf(id);
    assert.equal(reloaded.runs[0]?.outcome, 'done');
    assert.ok(textOf(chat.lastMessage).startsWith(shown));
    assert.ok(words(whole).startsWith(textOf(chat.lastMessage)));
    const rows = await turnsOf(server.url, id, 1);
    assert.deepEqual(
      rows.map(({ outcome }) => outcome),
      ['done'],
    );
  });
});
