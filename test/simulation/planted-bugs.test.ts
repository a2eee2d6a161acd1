// Each planted bug is found, by its names, within a few seeds; and each class of the checker has a bug that shows it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anomalyClasses, type AnomalyClass } from '../checker/anomalies.ts';
import { checkHistory } from '../checker/check-history.ts';
import type { PlantedBug } from './planted-bug.ts';
import { plantedBrokerBugs } from './planted-broker.ts';
import { plantedLogBugs } from './planted-log.ts';
import { plantedStorageBugs } from './planted-storage.ts';
import { simulateBroker } from './simulate-broker.ts';
import { simulateStorage } from './simulate-storage.ts';
import type { World } from './world.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCountMax = 30;

for (const bug of [...plantedStorageBugs, ...plantedLogBugs]) isFound(bug, (seed) => simulateStorage(seed, bug));
for (const bug of plantedBrokerBugs) isFound(bug, (seed) => simulateBroker(seed, bug));

test('every class of the checker is found in a planted bug', () => {
  const found = new Set([...plantedStorageBugs, ...plantedLogBugs, ...plantedBrokerBugs].flatMap(({ finds }) => finds));
  const missing = (Object.keys(anomalyClasses) as AnomalyClass[]).filter((name) => !found.has(name));
  assert.deepEqual(missing, []);
});

function isFound({ name, finds }: PlantedBug, simulate: (seed: number) => Promise<World>): void {
  test(`${name}: found as ${finds.join(' and ')} (SEED=${firstSeed})`, async (t) => {
    const seen = new Set<AnomalyClass>();
    for (let seed = firstSeed; seed < firstSeed + seedCountMax; seed++) {
      const { recorder } = await simulate(seed);
      for (const one of checkHistory(recorder.history).classes) seen.add(one);
      if (!finds.every((one) => seen.has(one))) continue;
      t.diagnostic(`after ${seed - firstSeed + 1} seeds: ${[...seen].join(', ')}`);
      return;
    }
    assert.fail(`not found in ${seedCountMax} seeds; found ${[...seen].join(', ') || 'nothing'}`);
  });
}
