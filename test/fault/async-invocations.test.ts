// Asynchronous invocations whose function's processes are killed, and whose whole server with its log, while they run: what the function
// has noted, and what became dead letters, is judged by async-history.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fromUtf8, seededRandom } from '@throughline/event';
import type { Log } from '@throughline/log';
import { roundsFactor, seed } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { asyncProblems, type Note, type Sent } from './async-history.ts';
import { connect, FunctionKiller, notesIn, recordsOf } from './killed-function.ts';

const serverKills = 3 * roundsFactor;
const functionKillsPerLife = 6;
const eventsPerLife = 120;
const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-kill-async-'));
const file = path.join(folder, 'history');
const random = seededRandom(seed);
const sent: Sent[] = [];
const killer = new FunctionKiller(file, random);
let server: TestServer;

before(async () => {
  const app = path.join(import.meta.dirname, '../support/async-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: file } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends an event; a server that is killed meanwhile may have it or not. */
async function send(id: string): Promise<void> {
  const isBad = random.float() < 0.1;
  const address = `${server.url}/2015-03-31/functions/worker/invocations`;
  const headers = { 'x-amz-invocation-type': 'Event' };
  const body = JSON.stringify({ id, isBad });
  const isAccepted = await fetch(address, { method: 'POST', headers, body }).then(
    ({ status }) => status === 202,
    () => false,
  );
  sent.push({ id, isAccepted });
}

/** Accepted events whose outcome is not on the log. */
async function openCount(log: Log): Promise<number> {
  const open = new Set<string>();
  for (const { key, headers } of await recordsOf(log, '_throughline.async')) {
    const kind = fromUtf8(headers.find((header) => header.key === 'throughline-kind')?.value ?? new Uint8Array());
    if (kind === 'accepted') open.add(fromUtf8(key!));
    else if (kind === 'succeeded' || kind === 'failed') open.delete(fromUtf8(key!));
  }
  return open.size;
}

test(
  `${serverKills} kills of the server and some of the function lose no event, and repeat none beyond what is promised (SEED=${seed})`,
  { timeout: 60_000 * roundsFactor },
  async () => {
    let functionKills = 0;
    for (let life = 0; life < serverKills; life++) {
      const sending = Promise.all(Array.from({ length: eventsPerLife }, (_, index) => send(`${life}-${index}`)));
      functionKills += await killer.kill(server, functionKillsPerLife, 40);
      await server.kill9();
      await sending;
      await server.start();
    }
    await send('last');
    const log = await connect(server);
    const giveUp = AbortSignal.timeout(30_000);
    while ((await openCount(log)) > 0) {
      assert.ok(!giveUp.aborted, `${await openCount(log)} events are open (SEED=${seed})`);
      await pause(50);
    }
    const letters = (await recordsOf(log, 'worker.dead')).map(
      ({ value }) => (JSON.parse(fromUtf8(value!)) as { requestPayload: { id: string } }).requestPayload.id,
    );
    await log.close();
    assert.ok(functionKills > serverKills, `only ${functionKills} kills of the function hit one`);
    assert.ok(sent.filter(({ isAccepted }) => isAccepted).length > eventsPerLife, 'events were accepted');
    assert.ok(letters.length > 0, 'there were dead letters to look at');
    assert.deepEqual(
      asyncProblems({
        sent,
        notes: notesIn(file) as readonly Note[],
        letters,
        killed: [...killer.killed],
        attemptsMax: 3,
      }),
      [],
      `SEED=${seed}`,
    );
  },
);
