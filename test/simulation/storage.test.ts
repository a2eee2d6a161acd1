// The storage core under everything that can happen to its disk and its process, in virtual time: no anomaly, whatever the seed.
// SEED sets the first seed, THROUGHLINE_ROUNDS multiplies the number of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../checker/check-history.ts';
import { simulateStorage } from './simulate-storage.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCount = Math.ceil(40 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1));

test(`the storage core shows no anomaly under ${seedCount} seeds of faults (SEED=${firstSeed})`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const { recorder, logger } = await simulateStorage(seed);
    assert.equal(checkHistory(recorder.history).toString(), '', `SEED=${seed}`);
    assert.deepEqual(logger.defects, [], `SEED=${seed}`);
  }
});

test(`a seed repeats to the last operation (SEED=${firstSeed})`, async () => {
  const [one, two, other] = [
    await simulateStorage(firstSeed),
    await simulateStorage(firstSeed),
    await simulateStorage(firstSeed + 1),
  ];
  assert.equal(one.recorder.digest(), two.recorder.digest());
  assert.notEqual(one.recorder.digest(), other.recorder.digest());
});
