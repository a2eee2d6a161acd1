// A mapping whose function's processes are killed, and its whole server with its log, in the middle of batches: what the function
// has noted, and what became dead letters, is judged by mapping-history.ts.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fromUtf8, integerBetween, seededRandom, utf8, type LogRecord } from '@throughline/event';
import { kafka, type Log } from '@throughline/log';
import { roundsFactor, seed } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
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
/** Processes of the function. */
const killed = new Set<number>();
let server: TestServer;

before(async () => {
  const app = path.join(import.meta.dirname, '../support/mapped-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: file } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function connect(): Promise<Log> {
  const { kafka: address } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as {
    kafka: string;
  };
  return kafka({ bootstrap: `kafka://${address}` });
}

function notes(): readonly Note[] {
  if (!existsSync(file)) return [];
  // A process that is killed may leave half a line; the next one goes on behind it.
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Note];
      } catch {
        return [];
      }
    });
}

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

async function lag(log: Log): Promise<number> {
  const { partitions: all } = await log.admin.describeTopic('jobs');
  const committed = await log.admin.committedOffsets(group);
  return all.reduce((sum, { partition, highWatermark }) => {
    const place = committed.find((one) => one.partition === partition)?.offset ?? 0n;
    return sum + Number(highWatermark - place);
  }, 0);
}

/** Kills processes in the middle of their batches. */
async function killFunctions(): Promise<number> {
  let count = 0;
  for (let kill = 0; kill < functionKillsPerLife; kill++) {
    await pause(integerBetween(random, 0, 100));
    const pid = await atWork();
    if (pid === undefined) return count;
    try {
      process.kill(pid, 'SIGKILL');
      count++;
    } catch (error) {
      // It has ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return count;
}

/** A process that has begun a batch and not ended it; undefined where none does for a while. */
async function atWork(): Promise<number | undefined> {
  const life = server.pid;
  for (let look = 0; look < 200; look++) {
    const open = new Map<string, number>();
    for (const note of notes()) {
      if (note.at === 'end') open.delete(note.id);
      else if (note.life === life && !killed.has(note.pid)) open.set(note.id, note.pid);
    }
    const pid = [...open.values()].at(-1);
    if (pid !== undefined) {
      killed.add(pid);
      return pid;
    }
    await pause(5);
  }
  return undefined;
}

async function recordsOf(log: Log, topic: string): Promise<readonly LogRecord[]> {
  const { partitions: all } = await log.admin.describeTopic(topic);
  const found: LogRecord[] = [];
  for (const { partition, highWatermark } of all) {
    let offset = 0n;
    while (offset < highWatermark) {
      const { records, nextOffset } = await log.read({ topic, partition, offset });
      found.push(...records);
      offset = nextOffset;
    }
  }
  return found;
}

test(
  `${serverKills} kills of the server and some of the function lose, reorder and double nothing beyond what is promised (SEED=${seed})`,
  { timeout: 60_000 * roundsFactor },
  async () => {
    let log = await connect();
    await log.admin.createTopic('jobs', { partitions });
    let functionKills = 0;
    for (let life = 0; life < serverKills; life++) {
      await produce(log);
      functionKills += await killFunctions();
      await log.close();
      await server.kill9();
      await server.start();
      log = await connect();
    }
    const giveUp = AbortSignal.timeout(30_000);
    while ((await lag(log)) > 0) {
      assert.ok(!giveUp.aborted, `${await lag(log)} records are not done (SEED=${seed})`);
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
    const problems = mappingProblems({ produced, notes: notes(), letters, attemptsMax: 3, killed });
    assert.deepEqual(problems, [], `SEED=${seed}`);
  },
);
