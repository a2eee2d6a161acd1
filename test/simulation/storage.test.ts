// The storage core under everything that can happen to its disk and its process, in virtual time: no anomaly, whatever the seed.
// SEED sets the first seed, THROUGHLINE_ROUNDS multiplies the number of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../checker/check-history.ts';
import { runWorkload } from '../workload/workload.ts';
import { allFaults, disturb } from './nemesis.ts';
import { storageServer } from './storage-server.ts';
import { World } from './world.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCount = Math.ceil(60 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1));
const partitionCount = 3;

async function simulate(seed: number): Promise<World> {
  const world = new World(seed);
  const server = storageServer(world, { partitionCount, durability: 'fsync' });
  const { clock, recorder, workRandom: random } = world;
  const nemesis = (): Promise<void> => disturb(world, server, { faults: allFaults, roundCount: 6 });
  const counts = { senderCount: 3, readerCount: 2, memberCount: 0 };
  const { log } = server;
  const options = { log, recorder, clock, random, partitionCount, ...counts, pauseMsMax: 4, nemesis };
  await world.run(runWorkload({ ...options, finalReadMsMax: 5000 }), 60_000);
  return world;
}

test(`the storage core shows no anomaly under ${seedCount} seeds of faults (SEED=${firstSeed})`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const { recorder } = await simulate(seed);
    assert.equal(checkHistory(recorder.history).toString(), '', `SEED=${seed}`);
  }
});

test(`a seed repeats to the last operation (SEED=${firstSeed})`, async () => {
  const [one, two, other] = [await simulate(firstSeed), await simulate(firstSeed), await simulate(firstSeed + 1)];
  assert.equal(one.recorder.digest(), two.recorder.digest());
  assert.notEqual(one.recorder.digest(), other.recorder.digest());
});
