// A broker in a process of its own, under a workload over TCP, while somebody kills it, stops it for a while, tears the end of its
// files, fills its disk, lets a sync fail, turns its clock, and cuts its connections: the checker finds no anomaly. Power cuts, which
// take what was not synced, need a disk in memory: they are in test/simulation.
// SEED sets the seed, THROUGHLINE_ROUNDS multiplies the rounds.
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { delay, integerBetween, seededRandom, systemClock, type Random } from '@throughline/event';
import { checkHistory } from '../checker/check-history.ts';
import { nemesisProcess } from '../checker/history.ts';
import { tallyOf } from '../simulation/tally.ts';
import { BrokerProcess } from '../support/broker-process.ts';
import type { CuttableWire } from '../support/cuttable-wire.ts';
import type { Recorder } from '../workload/recorder.ts';
import { runTcpWorkload } from '../workload/tcp-workload.ts';
import { roundsFactor, seed } from '../support/seed.ts';

const faults = [
  'kill',
  'kill and torn tails',
  'stop for a while',
  'clean restart',
  'full disk',
  'kill on a full disk',
  'failing sync',
  'clock jumps',
  'connection cuts',
] as const;
type Fault = (typeof faults)[number];

const rounds = faults.length * roundsFactor;
const clock = systemClock;
const topic = 't';
const hourMs = 3_600_000;
/** A sender gives up after three seconds; a busy machine takes its time. */
const noticeMsMax = 20_000;

test(
  `a broker whose process, disk, clock and network fail shows no anomaly in ${rounds} rounds (SEED=${seed})`,
  { timeout: 60_000 + rounds * 10_000 },
  async (t) => {
    await using broker = await BrokerProcess.start({ config: { 'group.initial.rebalance.delay.ms': '0' } });
    const random = seededRandom(seed);
    const { history } = await runTcpWorkload({
      address: broker.address,
      topic,
      random,
      requestTimeoutMs: 1000,
      nemesis: (wire, recorder) => disturb(t, { broker, wire, recorder, random }),
    });
    const tally = tallyOf(history);
    t.diagnostic([...tally].map(([name, count]) => `${name} ${count}`).join(', '));
    assert.equal(checkHistory(history).toString(), '', `SEED=${seed}`);
    for (const name of ['send ok', 'poll ok', 'subscribe ok', 'commit ok']) {
      assert.ok((tally.get(name) ?? 0) >= rounds, `${name}: ${tally.get(name) ?? 0}`);
    }
  },
);

interface Scene {
  readonly broker: BrokerProcess;
  readonly wire: CuttableWire;
  readonly recorder: Recorder;
  readonly random: Random;
}

/** Each fault once, in any order, and again. */
async function disturb(t: TestContext, scene: Scene): Promise<void> {
  const { recorder, random } = scene;
  let left: Fault[] = [];
  for (let round = 0; round < rounds; round++) {
    await delay(clock, integerBetween(random, 200, 700));
    if (left.length === 0) left = [...faults];
    const [fault] = left.splice(integerBetween(random, 0, left.length - 1), 1);
    t.diagnostic(`${fault} after ${recorder.history.length} operations`);
    await inflict(fault!, scene);
  }
  await delay(clock, 300);
}

async function inflict(fault: Fault, scene: Scene): Promise<void> {
  const { broker, wire, recorder, random } = scene;
  switch (fault) {
    case 'kill':
      return restart(scene, fault);
    case 'kill and torn tails':
      return restart(scene, fault, () => tearTails(broker.dataDir, random));
    case 'stop for a while':
      process.kill(broker.pid, 'SIGSTOP');
      await delay(clock, integerBetween(random, 100, 1500));
      process.kill(broker.pid, 'SIGCONT');
      return;
    case 'clean restart':
      await broker.stop('SIGTERM');
      recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: true }, fault);
      return broker.start();
    case 'full disk':
    case 'kill on a full disk': {
      await broker.meet({ kind: 'full disk', bytesFree: integerBetween(random, 0, 2000) });
      await delay(clock, integerBetween(random, 300, 600));
      const { wasFull } = await broker.meet(
        fault === 'full disk' ? { kind: 'space again' } : { kind: 'full disk', bytesFree: 0 },
      );
      assert.ok(wasFull, 'nobody has come to the end of the disk');
      return fault === 'full disk' ? undefined : restart(scene, fault);
    }
    case 'failing sync': {
      const from = recorder.history.length;
      await broker.meet({ kind: 'failing sync' });
      // From then on nothing can be appended, and senders give up, until the broker starts again.
      const endMs = clock.monotonicMs() + noticeMsMax;
      while (!recorder.history.slice(from).some(({ note }) => note?.includes('KAFKA_STORAGE_ERROR') === true)) {
        assert.ok(clock.monotonicMs() < endMs, 'nobody has been told that the disk has failed');
        await delay(clock, 10);
      }
      return restart(scene, fault);
    }
    case 'clock jumps':
      for (let jump = 0; jump < 4; jump++) {
        await broker.meet({ kind: 'clock jump', jumpMs: integerBetween(random, -hourMs, hourMs) });
        await delay(clock, integerBetween(random, 20, 200));
      }
      return;
    case 'connection cuts':
      for (let cut = 0; cut < 5; cut++) {
        wire.cut();
        await delay(clock, integerBetween(random, 5, 100));
      }
      return;
  }
}

/** kill -9, and up again. */
async function restart({ broker, recorder }: Scene, fault: Fault, meanwhile?: () => void): Promise<void> {
  await broker.stop('SIGKILL');
  meanwhile?.();
  recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: false }, fault);
  await broker.start();
}

/** What a write that was under way leaves behind: the beginning of a batch, at the end of the last segment of some partitions. */
function tearTails(dataDir: string, random: Random): void {
  for (const folder of readdirSync(dataDir).filter((name) => name.startsWith(`${topic}-`))) {
    const last = readdirSync(path.join(dataDir, folder))
      .filter((name) => name.endsWith('.log'))
      .sort()
      .at(-1);
    if (last === undefined || random.float() < 0.3) continue;
    const torn =
      random.float() < 0.5
        ? random.bytes(integerBetween(random, 1, 200))
        : new Uint8Array(integerBetween(random, 1, 4096));
    appendFileSync(path.join(dataDir, folder, last), torn);
  }
}
