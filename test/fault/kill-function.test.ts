// 200 running answers whose function process is killed, on the embedded log (kill-function-rounds.ts).
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';
import { killFunctionRounds } from './kill-function-rounds.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const rounds = 200 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1);
let server: TestServer;

before(async () => {
  server = await startServer({ app: 'test/support/one-each' });
});
after(() => server.dispose());

test(`${rounds} kills of the function lose, repeat and contradict nothing (SEED=${seed})`, { timeout: 280_000 }, () =>
  killFunctionRounds(server, rounds, seed),
);
