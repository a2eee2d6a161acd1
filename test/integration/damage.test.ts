// One flipped bit in the log of a real server whose derived files have to be made again: the batch that it is in is lost,
// loudly and counted, and nothing else is.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { batchPrefixBytes, readBatchSize } from '@throughline/wire';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { readChat } from '../support/readers.ts';
import { startServer, type TestServer } from '../support/server.ts';

const question = 'tokens=20 paceMs=1';
/** Slow enough that its reply is in many batches. */
const slowQuestion = 'tokens=40 paceMs=20';

/** Flips a bit of the middle one of the batches that hold records of `conversationId`. */
function damage(dataDir: string, conversationId: string): void {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => /conversations-\d+\/\d+\.log$/.test(name))
    .map((name) => path.join(dataDir, name));
  for (const file of files) {
    const bytes = readFileSync(file);
    const own: number[] = [];
    for (let at = 0, size = 0; at + batchPrefixBytes <= bytes.length; at += size) {
      size = readBatchSize(bytes, at);
      if (bytes.subarray(at, at + size).includes(`conversations/${conversationId}`)) own.push(at);
    }
    if (own.length === 0) continue;
    assert.ok(own.length > 4, 'the conversation is in several batches');
    const at = own[Math.floor(own.length / 2)]! + 70;
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(file, bytes);
    return;
  }
  assert.fail('the conversation is in no segment');
}

function removeDerived(dataDir: string): void {
  const derived = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(gateway\.sqlite|functions\.sqlite|tables\.duckdb)/.test(name),
  );
  assert.ok(derived.length >= 3);
  for (const name of derived) rmSync(path.join(dataDir, name));
}

async function ask(server: TestServer, id: string, message: string, text = question): Promise<string> {
  return readChat(server, id, postQuestion(server.url, id, message, text));
}

/** Resolves once the server says that it is ready. */
async function readiness(server: TestServer): Promise<void> {
  const endMs = performance.now() + 5_000;
  for (;;) {
    const response = await fetch(`${server.url}/readyz`);
    const text = await response.text();
    if (response.status === 200) return;
    if (performance.now() > endMs) assert.fail(`never ready: ${text}`);
    await pause(10);
  }
}

interface Damaged {
  readonly name: string;
  readonly phase: string;
  readonly damagedRecords: number;
}

test('a flipped bit costs one batch, also when everything that is derived is made again', async (t) => {
  const server = await startServer();
  t.after(() => server.dispose());
  const ids = ['damage0', 'damage1', 'damage2', 'damage3', 'damage4'];
  assert.equal(await ask(server, ids[0]!, 'damage0-first', slowQuestion), answerText(slowQuestion));
  for (const id of ids.slice(1)) assert.equal(await ask(server, id, `${id}-first`), answerText(question));
  await server.stop();
  damage(server.dataDir, ids[0]!);
  removeDerived(server.dataDir);
  await server.start();
  await readiness(server);
  for (const id of ids.slice(1)) {
    const events = await (await fetch(`${server.url}/v1/conversations/${id}`)).text();
    assert.ok(events.includes(`${id}-first`), 'the question is there');
    assert.equal(await ask(server, id, `${id}-second`), answerText(question));
  }
  // The conversation that has lost a batch shows what is left of it, and is answered.
  const damaged = await fetch(`${server.url}/v1/conversations/${ids[0]}`);
  assert.equal(damaged.status, 200);
  assert.ok((await damaged.text()).includes('damage0-first'));
  assert.equal(await ask(server, ids[0]!, 'damage0-second'), answerText(question));

  const { folds } = (await (await fetch(`${server.url}/v1/status`)).json()) as { folds: Damaged[] };
  assert.ok(folds.length >= 3);
  for (const { name, phase, damagedRecords } of folds) {
    assert.equal(phase, 'live', name);
    assert.ok(damagedRecords > 0, `${name} tells of the damage`);
  }

  const text = await (await fetch(`${server.url}/v1/topics/conversations/records?limit=100000`)).text();
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { error?: Record<string, unknown>; partition: number; offset: string });
  const errors = lines.filter(({ error }) => error !== undefined);
  assert.equal(errors.length, 1);
  const { code, partition, offset, nextOffset } = errors[0]!.error!;
  assert.equal(code, 'CORRUPT_RECORD');
  assert.equal(BigInt(String(nextOffset)) - BigInt(String(offset)), BigInt(folds[0]!.damagedRecords));
  assert.ok(
    lines.some((line) => line.partition === partition && line.offset === nextOffset),
    'it goes on behind it',
  );
});
