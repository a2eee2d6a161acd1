// A mapping whose function's processes are killed, and its whole server with its log, in the middle of batches: what the function
// has noted, and what became dead letters, is judged by mapping-history.ts.
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
import { mappingProblems, type Note, type Place, type Produced } from './mapping-history.ts';

const partitions = 3;
const serverKills = 3 * roundsFactor;
const functionKillsPerLife = 6;
const recordsPerLife = 160;
const group = 'throughline-trigger-worker-kafka-jobs';
const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-kill-mapping-'));
const file = path.join(folder, 'history');
const random = seededRandom(seed);
const produced: Produced[] = [];
const killer = new FunctionKiller(file, random);
let server: TestServer;

before(async () => {
  const app = path.join(import.meta.dirname, '../support/mapped-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: file } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function produce(log: Log): Promise<void> {
  const records = Array.from({ length: recordsPerLife }, (_, index) => {
    const key = `k${integerBetween(random, 0, 11)}`;
    const isBad = random.float() < 0.05;
    return { key: utf8(key), value: utf8(`${index}${isBad ? ' bad' : ''}`) };
  });
  const acks = await log.append('jobs', records);
  for (const [index, { partition, offset }] of acks.entries()) {
    produced.push({ partition, offset: Number(offset), key: fromUtf8(records[index]!.key) });
  }
}

test(
  `${serverKills} kills of the server and some of the function lose, reorder and double nothing beyond what is promised (SEED=${seed})`,
  { timeout: 60_000 * roundsFactor },
  async () => {
    let log = await connect(server);
    await log.admin.createTopic('jobs', { partitions });
    let functionKills = 0;
    for (let life = 0; life < serverKills; life++) {
      await produce(log);
      functionKills += await killer.kill(server, functionKillsPerLife);
      await log.close();
      await server.kill9();
      await server.start();
      log = await connect(server);
    }
    const giveUp = AbortSignal.timeout(30_000);
    while ((await lagOf(log, 'jobs', group)) > 0) {
      assert.ok(!giveUp.aborted, `${await lagOf(log, 'jobs', group)} records are not done (SEED=${seed})`);
      await pause(50);
    }
    const letters = (await recordsOf(log, 'jobs.dead')).map(({ headers }): Place => {
      const header = (name: string): number =>
        Number(fromUtf8(headers.find(({ key }) => key === `throughline-origin-${name}`)?.value ?? utf8('')));
      return { partition: header('partition'), offset: header('offset') };
    });
    await log.close();
    assert.ok(functionKills > 3 * serverKills, `only ${functionKills} kills of the function hit one`);
    assert.ok(letters.length > 0, 'there were dead letters to look at');
    const problems = mappingProblems({
      produced,
      notes: notesIn(file) as readonly Note[],
      letters,
      attemptsMax: 3,
      killed: killer.killed,
    });
    assert.deepEqual(problems, [], `SEED=${seed}`);
  },
);
