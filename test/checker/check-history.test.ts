// The checker against histories of a log that does everything right, and against the same with one thing wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { anomalyClasses, type AnomalyClass } from './anomalies.ts';
import { checkHistory } from './check-history.ts';
import { correctHistory } from './correct-log.ts';
import { corruptions } from './corruptions.ts';

const seed = Number(process.env['SEED'] ?? 1);
const rounds = 200 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1);

test(`a correct log shows no anomaly (SEED=${seed})`, () => {
  for (let round = 0; round < rounds; round++) {
    const found = checkHistory(correctHistory(seededRandom(seed + round), 400));
    assert.equal(found.toString(), '', `SEED=${seed + round}`);
  }
});

for (const { finds, besides = [], apply } of corruptions) {
  test(`one ${finds} in a correct history is found and named (SEED=${seed})`, () => {
    let applied = 0;
    for (let round = 0; round < rounds && applied < 25; round++) {
      const random = seededRandom(seed + round);
      const history = apply(correctHistory(random, 400), random);
      if (history === undefined) continue;
      applied++;
      const found = checkHistory(history);
      assert.ok(found.count(finds) > 0, `SEED=${seed + round}: ${finds} is not found, but ${found.toString()}`);
      const others = found.classes.filter((name) => name !== finds && !besides.includes(name));
      assert.deepEqual(others, [], `SEED=${seed + round}: ${found.toString()}`);
    }
    assert.ok(applied >= 10, `only ${applied} histories had a place for it`);
  });
}

test('every class has a history that shows it', () => {
  const shown = new Set(corruptions.map(({ finds }) => finds));
  const missing = (Object.keys(anomalyClasses) as AnomalyClass[]).filter((name) => !shown.has(name));
  assert.deepEqual(missing, []);
});

test('a million operations are checked in seconds', () => {
  // Half a gigabyte and ten seconds are an order of magnitude above what it takes; a square in the cost would be far beyond.
  const operations = correctHistory(seededRandom(seed), 20_000);
  const startMs = performance.now();
  assert.equal(checkHistory(operations).toString(), '');
  const perOperationMs = (performance.now() - startMs) / operations.length;
  assert.ok(perOperationMs * 1_000_000 < 60_000, `${perOperationMs} ms for each operation`);
});
