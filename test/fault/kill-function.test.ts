// 200 running answers whose function process is killed, on the embedded log (kill-function-rounds.ts).
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';
import { killFunctionRounds } from './kill-function-rounds.ts';
import { roundsFactor, seed } from '../support/seed.ts';

const rounds = 200 * roundsFactor;
let server: TestServer;

before(async () => {
  server = await startServer({ app: 'test/support/one-each' });
});
after(() => server.dispose());

test(
  `${rounds} kills of the function lose, repeat and contradict nothing (SEED=${seed})`,
  { timeout: 280_000 * roundsFactor },
  () => killFunctionRounds(server, rounds, seed),
);
