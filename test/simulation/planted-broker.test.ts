// Each bug planted around the whole broker is found, by its name, within a few seeds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { checkHistory } from '../checker/check-history.ts';
import { plantedBrokerBugs } from './planted-broker.ts';
import { simulateBroker } from './simulate-broker.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCountMax = 30;

for (const bug of plantedBrokerBugs(() => seededRandom(firstSeed))) {
  test(`${bug.name}: found as ${bug.finds.join(' or ')} (SEED=${firstSeed})`, async (t) => {
    const seen = new Set<string>();
    for (let seed = firstSeed; seed < firstSeed + seedCountMax; seed++) {
      const { recorder } = await simulateBroker(seed, bug);
      const found = checkHistory(recorder.history);
      for (const name of found.classes) seen.add(name);
      if (bug.finds.some((name) => found.count(name) > 0)) {
        t.diagnostic(`after ${seed - firstSeed + 1} seeds: ${found.classes.join(', ')}`);
        return;
      }
    }
    assert.fail(`not found in ${seedCountMax} seeds; found ${[...seen].join(', ') || 'nothing'}`);
  });
}
