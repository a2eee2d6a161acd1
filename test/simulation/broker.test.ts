// The whole broker on a simulated machine: clients over a network that loses connections, producers that send again, consumers with and
// without sessions, a group that rebalances, and every fault of disk, process and clock. No anomaly, whatever the seed.
// SEED sets the first seed, THROUGHLINE_ROUNDS multiplies the number of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../checker/check-history.ts';
import { simulateBroker } from './simulate-broker.ts';
import { tallyOf } from './tally.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const rounds = Number(process.env['THROUGHLINE_ROUNDS'] ?? 0);
/** The 20 rounds of `npm run test:long` make ten thousand. */
const seedCount = rounds === 0 ? 200 : 500 * rounds;

test(`the broker shows no anomaly under ${seedCount} seeds of faults (SEED=${firstSeed})`, async (t) => {
  const total = tallyOf([]);
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const { recorder, logger } = await simulateBroker(seed).catch((error: unknown) => {
      throw new Error(`SEED=${seed}`, { cause: error });
    });
    assert.equal(checkHistory(recorder.history).toString(), '', `SEED=${seed}`);
    assert.deepEqual(logger.defects, [], `SEED=${seed}`);
    const tally = tallyOf(recorder.history);
    for (const [name, count] of tally) total.set(name, (total.get(name) ?? 0) + count);
  }
  t.diagnostic([...total].map(([name, count]) => `${name} ${count}`).join(', '));
  // A simulation in which nothing succeeds finds nothing.
  for (const name of ['send ok', 'poll ok', 'subscribe ok', 'commit ok', 'committed ok', 'records seen'] as const) {
    assert.ok((total.get(name) ?? 0) >= seedCount, `${name}: ${total.get(name) ?? 0}`);
  }
});

test(`a seed repeats to the last operation (SEED=${firstSeed})`, async () => {
  const [one, two, other] = [
    await simulateBroker(firstSeed),
    await simulateBroker(firstSeed),
    await simulateBroker(firstSeed + 1),
  ];
  assert.equal(one.recorder.digest(), two.recorder.digest());
  assert.notEqual(one.recorder.digest(), other.recorder.digest());
});
