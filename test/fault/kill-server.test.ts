// 50 times `kill -9` of the whole server on its embedded log (kill-server-rounds.ts).
import { after, before, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';
import { killServerRounds } from './kill-server-rounds.ts';
import { roundsFactor, seed } from '../support/seed.ts';

const rounds = 50 * roundsFactor;
let server: TestServer;

before(async () => {
  server = await startServer();
});
after(() => server.dispose());

test(
  `${rounds} kills of the server lose, repeat and contradict nothing (SEED=${seed})`,
  { timeout: 290_000 * roundsFactor },
  () => killServerRounds(server, rounds, seed),
);
