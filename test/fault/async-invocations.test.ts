// Asynchronous invocations whose function's processes are killed, and whose whole server with its log, while they run: what the function
// has noted, and what became dead letters, is judged by async-history.ts.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fromUtf8, integerBetween, seededRandom, type LogRecord } from '@throughline/event';
import { kafka, type Log } from '@throughline/log';
import { roundsFactor, seed } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { asyncProblems, type Note, type Sent } from './async-history.ts';

const serverKills = 3 * roundsFactor;
const functionKillsPerLife = 6;
const eventsPerLife = 120;
const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-kill-async-'));
const file = path.join(folder, 'history');
const random = seededRandom(seed);
const sent: Sent[] = [];
/** Processes of the function. */
const killed = new Set<number>();
let server: TestServer;

before(async () => {
  const app = path.join(import.meta.dirname, '../support/async-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: file } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

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

/** Kills processes in the middle of their events. */
async function killFunctions(): Promise<number> {
  let count = 0;
  for (let kill = 0; kill < functionKillsPerLife; kill++) {
    await pause(integerBetween(random, 0, 40));
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

/** A process that has begun an event and not ended it; undefined where none does for a while. */
async function atWork(): Promise<number | undefined> {
  const life = server.pid;
  for (let look = 0; look < 200; look++) {
    const working = new Set<number>();
    for (const note of notes()) {
      if (note.at === 'end') working.delete(note.pid);
      else if (note.life === life && !killed.has(note.pid)) working.add(note.pid);
    }
    const pid = [...working].at(-1);
    if (pid !== undefined) {
      killed.add(pid);
      return pid;
    }
    await pause(2);
  }
  return undefined;
}

function connect(): Promise<Log> {
  const { kafka: address } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as {
    kafka: string;
  };
  return kafka({ bootstrap: `kafka://${address}` });
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
      functionKills += await killFunctions();
      await server.kill9();
      await sending;
      await server.start();
    }
    await send('last');
    const log = await connect();
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
      asyncProblems({ sent, notes: notes(), letters, killed: [...killed], attemptsMax: 3 }),
      [],
      `SEED=${seed}`,
    );
  },
);
