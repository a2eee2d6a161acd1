// Runs the example's function, as it stands, on the repository's own documents.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

type Handler = (event: unknown, stream: PassThrough, context: unknown) => Promise<void>;

interface Chunk {
  readonly type: string;
  readonly delta?: string;
  readonly url?: string;
}

const folder = import.meta.dirname;
Object.assign(process.env, { THROUGHLINE_DOCS_DIR: path.join(folder, '../../docs'), THROUGHLINE_DOCS_PACE_MS: '0' });
Object.assign(globalThis, { awslambda: { streamifyResponse: (handler: Handler) => handler } });

async function ask(text: string): Promise<Chunk[]> {
  const { handler } = (await import('./answer.ts')) as unknown as { handler: Handler };
  const stream = new PassThrough({ highWaterMark: 1_000_000 });
  const messages = [{ id: 'q', role: 'user', parts: [{ type: 'text', text }] }];
  await handler({ messages, replyId: 'reply', standingCharacters: 0 }, stream, {
    signal: new AbortController().signal,
  });
  return String(stream.read())
    .split('\n\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as Chunk);
}

test("a newcomer's question is answered from the documents, with links to them", async () => {
  const chunks = await ask('How does Throughline survive a crash?');
  const text = chunks.map((chunk) => chunk.delta ?? '').join('');
  assert.match(text, /^These passages of the documents match your question best:/);
  const sources = chunks.flatMap((chunk) => (chunk.type === 'source-url' ? [chunk.url ?? ''] : []));
  assert.ok(
    sources.some((url) => url.includes('what-survives-what')),
    sources.join(' '),
  );
  assert.deepEqual(Object.keys(chunks.at(-1) ?? {}).sort(), ['finishReason', 'messageMetadata', 'type']);
});

/** What newcomers ask, and the page that must be the first source of the answer. */
const firstSources: Readonly<Record<string, string>> = {
  // The three questions that the page offers.
  'How does Throughline survive a crash?': 'operating/what-survives-what.md',
  'What happens to an answer when its function is killed?': 'guides/break-it-on-purpose.md',
  'How do I ask about my own documents?': 'guides/your-own-docs.md',
  'What is Throughline?': 'start/what-throughline-is.md',
  'What is a run?': 'concepts/runs-and-attempts.md',
  'What is an attempt?': 'concepts/runs-and-attempts.md',
  'What is a fold?': 'concepts/fold.md',
  'What is an event?': 'concepts/event.md',
  'How do I see the log?': 'concepts/log.md',
  'Does it work with Kafka?': 'reference/kafka-compatibility.md',
  'How do I use my own language model?': 'guides/your-own-model.md',
  'How many tokens does an answer cost?': 'guides/your-own-model.md',
  'How do I write a function?': 'guides/write-a-function.md',
  'Can I use it with useChat?': 'guides/use-chat.md',
  'How do I query the table of turns?': 'guides/read-the-table.md',
  'What happens when I press Stop?': 'concepts/runs-and-attempts.md',
  'What happens when I close the tab?': 'operating/what-survives-what.md',
  'What happens when the disk is full?': 'operating/what-survives-what.md',
  'What happens during a power cut?': 'operating/what-survives-what.md',
  'Which durability should I choose?': 'operating/durability.md',
  'How do I make a backup?': 'operating/backup-and-restore.md',
  'Where is my data stored?': 'operating/backup-and-restore.md',
  'How do I change the port?': 'reference/configuration.md',
  'How do I stop the server?': 'reference/cli.md',
  'Which errors are there?': 'reference/errors.md',
  'What is not built yet?': 'reference/limits.md',
  'How do I run the tests?': 'start/quick-start.md',
};

test("newcomers' questions are answered first from the page that is about them", async () => {
  const missed: string[] = [];
  for (const [question, page] of Object.entries(firstSources)) {
    const chunks = await ask(question);
    const first = chunks.find((chunk) => chunk.type === 'source-url')?.url ?? 'no source';
    if (!first.startsWith(`/docs/${page}`)) missed.push(`${question} ${first}, not ${page}`);
  }
  assert.deepEqual(missed, []);
});

test('a second attempt writes the very same chunks, so that a killed answer can be carried on', async () => {
  const question = 'What happens when the disk is full?';
  assert.equal(JSON.stringify(await ask(question)), JSON.stringify(await ask(question)));
});

test('the example is what its page says: a config, one function and one pipeline, under 100 lines together', () => {
  const files = globSync('*.ts', { cwd: folder }).filter((name) => !name.endsWith('.test.ts'));
  assert.deepEqual(files.sort(), ['answer.ts', 'throughline.config.ts', 'turns.pipeline.ts']);
  const lines = files.reduce((sum, name) => sum + readFileSync(path.join(folder, name), 'utf8').split('\n').length, 0);
  assert.ok(lines < 100, `${lines} lines`);
});
