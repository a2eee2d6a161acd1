// The all-in-one server with its log on Apache Kafka: the rounds of killed functions and killed servers lose, repeat and
// contradict nothing there either, the loss of the cluster is waited out, and a cluster that is not there is said with its
// address.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { answerText } from '../support/app/answer-text.ts';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { postQuestion } from '../support/chat.ts';
import { readChat } from '../support/readers.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { killFunctionRounds } from '../fault/kill-function-rounds.ts';
import { killServerRounds } from '../fault/kill-server-rounds.ts';
import { withoutKafka } from './toolchain.ts';
import { roundsFactor, seed } from '../support/seed.ts';

describe('the server on Apache Kafka 4.3.1', { skip: withoutKafka() }, () => {
  let broker: ApacheKafka;
  let server: TestServer;
  before(async () => {
    broker = await startApacheKafka();
  });
  after(() => broker.dispose());

  /** Each test has conversations of its own: the topic is made anew. */
  async function withServer(app: string | undefined, act: () => Promise<void>): Promise<void> {
    server = await startServer({
      ...(app === undefined ? {} : { app }),
      flags: ['--log', `kafka://${broker.address}`],
    });
    // All three whatever comes; the first that fails says why.
    const problems: unknown[] = [];
    for (const step of [act, () => server.dispose(), () => broker.deleteTopics()]) {
      await step().catch((error: unknown) => problems.push(error));
    }
    if (problems.length > 0) throw problems[0];
  }

  test(`${20 * roundsFactor} kills of the function (SEED=${seed})`, { timeout: 280_000 * roundsFactor }, () =>
    withServer('test/support/one-each', () => killFunctionRounds(server, 20 * roundsFactor, seed, 30)),
  );

  test(`${6 * roundsFactor} kills of the server (SEED=${seed})`, { timeout: 280_000 * roundsFactor }, () =>
    withServer(undefined, () => killServerRounds(server, 6 * roundsFactor, seed)),
  );

  test('a broker that is killed under a running answer and comes back costs a pause', { timeout: 180_000 }, () =>
    withServer(undefined, async () => {
      const question = 'name=away tokens=200 paceMs=10';
      const reply = readChat(server, 'away', postQuestion(server.url, 'away', 'away-q', question));
      await pause(700);
      await broker.kill9();
      await broker.start();
      assert.equal(await reply, answerText(question));
      await untilReady();
    }),
  );

  test(
    'while the cluster is away the server waits and says so; it is ready when the cluster is back',
    { timeout: 180_000 },
    () =>
      withServer(undefined, async () => {
        await broker.stop();
        let response = await fetch(`${server.url}/readyz`);
        while (response.status === 200) {
          await pause(250);
          response = await fetch(`${server.url}/readyz`);
        }
        const { error } = (await response.json()) as { error: { code: string; message: string } };
        assert.equal(error.code, 'LOG_UNREACHABLE');
        assert.ok(error.message.includes(broker.address));
        await broker.start();
        await untilReady();
      }),
  );

  test('a cluster that is not there is said at the start, with its address and what to do', async () => {
    await assert.rejects(startServer({ flags: ['--log', 'kafka://127.0.0.1:1'] }), (error: Error) => {
      assert.match(error.message, /127\.0\.0\.1:1.*\[LOG_UNREACHABLE\] Check the address/);
      return true;
    });
  });

  async function untilReady(): Promise<void> {
    while ((await fetch(`${server.url}/readyz`)).status !== 200) await pause(250);
  }
});
