// Two servers with one cluster: they share the runs of their functions without being told to, show each other's answers, and
// say who starts what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createBroker } from '@throughline/broker';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { throughline } from '../support/cli.ts';
import { readChat } from '../support/readers.ts';
import { startServer, type TestServer } from '../support/server.ts';

const question = 'name=answer tokens=5 paceMs=0';

interface FunctionRow {
  readonly partitions: readonly number[];
  readonly totals: { readonly invocations: number };
}

async function answerRow(server: TestServer): Promise<FunctionRow> {
  const response = await fetch(`${server.url}/v1/status`);
  return ((await response.json()) as { functions: [FunctionRow] }).functions[0];
}

/** Waits until these servers start the runs of all four partitions between them, as evenly as can be. */
async function shared(...servers: readonly TestServer[]): Promise<readonly FunctionRow[]> {
  for (;;) {
    const rows = await Promise.all(servers.map(answerRow));
    if (rows.every(({ partitions }) => partitions.length === 4 / servers.length)) return rows;
    await pause(50);
  }
}

test('servers on one cluster share the runs, show all of them, and take over from one that stops', async (t) => {
  const broker = await createBroker({ memory: true });
  t.after(() => broker.close());
  const start = async (): Promise<TestServer> => {
    const server = await startServer({ flags: ['--log', `kafka://${broker.address}`] });
    t.after(() => server.dispose());
    return server;
  };
  const first = await start();
  await shared(first);
  const second = await start();
  await shared(first, second);
  const conversations = Array.from({ length: 12 }, (_, index) => `chat${index}`);
  const askAll = (server: TestServer, round: string): Promise<unknown> =>
    Promise.all(
      conversations.map(async (conversation) => {
        const posted = postQuestion(server.url, conversation, `${conversation}-${round}`, question);
        assert.equal(await readChat(server, conversation, posted), answerText(question));
      }),
    );
  await askAll(first, 'one');
  await askAll(second, 'two');
  const rows = await shared(first, second);
  const counts = rows.map(({ totals }) => totals.invocations);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    2 * conversations.length,
    'each run was begun once',
  );
  assert.ok(counts.every((count) => count > 0));
  const [mine] = rows;
  const says = `its runs of partitions ${mine!.partitions.join(', ')} are started here`;
  const status = await throughline(['status', '--data-dir', first.dataDir]);
  assert.ok(status.stdout.includes(`answer: ${says}`), status.stdout);
  const doctor = await throughline(['doctor', '--data-dir', first.dataDir]);
  assert.ok(doctor.stdout.includes(says), doctor.stdout);
  await first.stop();
  await shared(second);
  await askAll(second, 'three');
});
