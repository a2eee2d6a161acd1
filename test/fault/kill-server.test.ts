// 50 times `kill -9` of the whole server on its embedded log (kill-server-rounds.ts).
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';
import { killServerRounds } from './kill-server-rounds.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const rounds = 50 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1);
let server: TestServer;

before(async () => {
  server = await startServer();
});
after(() => server.dispose());

test(`${rounds} kills of the server lose, repeat and contradict nothing (SEED=${seed})`, { timeout: 290_000 }, () =>
  killServerRounds(server, rounds, seed),
);
