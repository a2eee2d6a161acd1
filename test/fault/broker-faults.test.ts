// A broker in a process of its own, under a workload over TCP, while somebody kills it, stops it for a while, tears the end of its
// files, and cuts its connections: the checker finds no anomaly. What needs a disk or a clock that lies is done in test/simulation.
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
import { cuttableWire, type CuttableWire } from '../support/cuttable-wire.ts';
import { KafkaCluster } from '../workload/kafka-cluster.ts';
import { kafkaLog } from '../workload/kafka-log.ts';
import { Recorder } from '../workload/recorder.ts';
import { dialTcp } from '../workload/tcp.ts';
import { runWorkload } from '../workload/workload.ts';
import { createTopicsApi } from '@throughline/wire/apis';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const rounds = 8 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1);
const clock = systemClock;
const partitionCount = 3;
const topic = 't';
const host = '127.0.0.1';

type Fault = 'kill' | 'kill and torn tails' | 'stop for a while' | 'clean restart' | 'connection cuts';
const faults: readonly Fault[] = [
  'kill',
  'kill and torn tails',
  'stop for a while',
  'clean restart',
  'connection cuts',
];

test(
  `a broker that is killed, stopped and cut off shows no anomaly in ${rounds} rounds (SEED=${seed})`,
  { timeout: 60_000 + rounds * 10_000 },
  async (t) => {
    await using broker = await BrokerProcess.start({ config: { 'group.initial.rebalance.delay.ms': '0' } });
    const wire = await cuttableWire(portOf(broker));
    t.after(() => wire.close());
    await createTopic(portOf(broker));
    const random = seededRandom(seed);
    const recorder = new Recorder(clock);
    const log = kafkaLog({
      // Whatever node a client is told of, it goes through the wire that can be cut.
      dial: () => dialTcp(host, wire.port),
      bootstrap: { host, port: wire.port },
      topic,
      clock,
      random,
      requestTimeoutMs: 1000,
      partitionCount,
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 500,
    });
    const counts = { senderCount: 3, readerCount: 2, memberCount: 3 };
    const nemesis = (): Promise<void> => disturb(t, broker, wire, recorder, random);
    const options = {
      log,
      recorder,
      clock,
      random,
      partitionCount,
      ...counts,
      pauseMsMax: 5,
      stallMs: 800,
      vanishLikelihood: 0.01,
      nemesis,
    };
    await runWorkload({ ...options, finalReadMsMax: 30_000 });
    const tally = tallyOf(recorder.history);
    t.diagnostic([...tally].map(([name, count]) => `${name} ${count}`).join(', '));
    assert.equal(checkHistory(recorder.history).toString(), '', `SEED=${seed}`);
    for (const name of ['send ok', 'poll ok', 'subscribe ok', 'commit ok']) {
      assert.ok((tally.get(name) ?? 0) >= rounds, `${name}: ${tally.get(name) ?? 0}`);
    }
  },
);

async function disturb(
  t: TestContext,
  broker: BrokerProcess,
  wire: CuttableWire,
  recorder: Recorder,
  random: Random,
): Promise<void> {
  await delay(clock, 300);
  for (let round = 0; round < rounds; round++) {
    const fault = faults[(round + integerBetween(random, 0, 1)) % faults.length]!;
    t.diagnostic(`${fault} after ${recorder.history.length} operations`);
    switch (fault) {
      case 'kill':
      case 'kill and torn tails':
        await broker.stop('SIGKILL');
        if (fault === 'kill and torn tails') tearTails(broker.dataDir, random);
        recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: false }, fault);
        await broker.start();
        break;
      case 'stop for a while':
        process.kill(broker.pid, 'SIGSTOP');
        await delay(clock, integerBetween(random, 100, 1500));
        process.kill(broker.pid, 'SIGCONT');
        break;
      case 'clean restart':
        await broker.stop('SIGTERM');
        recorder.note(nemesisProcess, 'info', { f: 'restart', isClean: true }, fault);
        await broker.start();
        break;
      case 'connection cuts':
        for (let cut = 0; cut < 5; cut++) {
          wire.cut();
          await delay(clock, integerBetween(random, 5, 100));
        }
        break;
    }
    await delay(clock, integerBetween(random, 200, 700));
  }
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

function portOf({ address }: BrokerProcess): number {
  return Number(address.split(':')[1]);
}

async function createTopic(port: number): Promise<void> {
  const cluster = new KafkaCluster({ dial: dialTcp, bootstrap: { host, port }, topic, clock, requestTimeoutMs: 5000 });
  const made = { name: topic, numPartitions: partitionCount, replicationFactor: 1, assignments: [], configs: [] };
  const connection = await cluster.bootstrap();
  const { topics } = await connection.call(createTopicsApi, 5, {
    topics: [made],
    timeoutMs: 5000,
    validateOnly: false,
  });
  assert.equal(topics[0]?.errorCode, 0, topics[0]?.errorMessage ?? '');
  cluster.close();
}
