// The all-in-one server with its log on a broker of ours in another process: functions and servers are killed, and nothing
// that was shown is lost, repeated or contradicted.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { createBroker } from '@throughline/broker';
import { startServer, type TestServer } from '../support/server.ts';
import { killFunctionRounds } from './kill-function-rounds.ts';
import { killServerRounds } from './kill-server-rounds.ts';
import { roundsFactor, seed } from '../support/seed.ts';

/** Calls `act` with a server whose log is on a fresh broker of three virtual nodes in this process. */
async function withServer(app: string | undefined, act: (server: TestServer) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-over-tcp-'));
  const broker = await createBroker({ dataDir, nodes: 3 });
  try {
    const flags = ['--log', `kafka://${broker.address}`];
    const server = await startServer({ ...(app === undefined ? {} : { app }), flags });
    try {
      await act(server);
    } finally {
      await server.dispose();
    }
  } finally {
    await broker.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

test(`${30 * roundsFactor} kills of the function over TCP (SEED=${seed})`, { timeout: 120_000 * roundsFactor }, () =>
  withServer('test/support/one-each', (server) => killFunctionRounds(server, 30 * roundsFactor, seed)),
);

test(`${6 * roundsFactor} kills of the server over TCP (SEED=${seed})`, { timeout: 120_000 * roundsFactor }, () =>
  withServer(undefined, (server) => killServerRounds(server, 6 * roundsFactor, seed)),
);
