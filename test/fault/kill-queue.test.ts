// A queue whose function's processes are killed, and its whole server with its log, in the middle of batches: what the function has
// noted, and what became dead letters, is judged by queue-history.ts.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fromUtf8, integerBetween, seededRandom, utf8 } from '@throughline/event';
import type { Log } from '@throughline/log';
import { roundsFactor, seed } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { connect, FunctionKiller, lagOf, notesIn, recordsOf } from './killed-function.ts';
import { queueProblems, type QueueNote } from './queue-history.ts';

const serverKills = 3 * roundsFactor;
const functionKillsPerLife = 6;
const messagesPerLife = 120;
const group = 'throughline-trigger-worker-queue-jobs';
const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-kill-queue-'));
const file = path.join(folder, 'history');
const random = seededRandom(seed);
const killer = new FunctionKiller(file, random);
const sent: string[] = [];
let server: TestServer;

before(async () => {
  const app = path.join(import.meta.dirname, '../support/queue-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: file } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function send(log: Log): Promise<void> {
  const bodies = Array.from(
    { length: messagesPerLife },
    (_, index) => `${sent.length + index}${random.float() < 0.05 ? ' bad' : ''}`,
  );
  await log.append(
    'queue.jobs',
    bodies.map((body) => ({ key: null, value: utf8(body), partition: integerBetween(random, 0, 3) })),
  );
  sent.push(...bodies);
}

test(
  `${serverKills} kills of the server and some of the function lose no message, count no receive too low and double nothing beyond what is promised (SEED=${seed})`,
  { timeout: 60_000 * roundsFactor },
  async () => {
    let log = await connect(server);
    let functionKills = 0;
    for (let life = 0; life < serverKills; life++) {
      await send(log);
      functionKills += await killer.kill(server, functionKillsPerLife);
      await log.close();
      await server.kill9();
      await server.start();
      log = await connect(server);
    }
    const giveUp = AbortSignal.timeout(40_000);
    while ((await lagOf(log, 'queue.jobs', group)) > 0) {
      assert.ok(!giveUp.aborted, `messages are not done (SEED=${seed})`);
      await pause(50);
    }
    const letters = (await recordsOf(log, 'queue.jobs.dead')).map(({ headers, value }) => {
      const attempts = headers.find(({ key }) => key === 'throughline-attempts')?.value ?? utf8('');
      return { body: fromUtf8(value!), receives: Number(fromUtf8(attempts)) };
    });
    await log.close();
    assert.ok(functionKills > 3 * serverKills, `only ${functionKills} kills of the function hit one`);
    assert.ok(letters.length > 0, 'there were dead letters to look at');
    const notes = notesIn(file) as readonly QueueNote[];
    const problems = queueProblems({ sent, notes, letters, maxReceiveCount: 4, killed: killer.killed });
    assert.deepEqual(problems, [], `SEED=${seed}`);
  },
);
