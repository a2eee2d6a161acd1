// The storage core with a journal so small that appends mostly wait for it, while everything that the broker does beside
// appends goes on without a pause: whatever the seed, nothing is lost, nothing stands still, and every clean stop ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHistory } from '../checker/check-history.ts';
import type { Upkeep } from './upkeep.ts';
import { allFaults } from './nemesis.ts';
import { simulateStorage } from './simulate-storage.ts';
import { upkeepOf } from './upkeep.ts';

const firstSeed = Number(process.env['SEED'] ?? 1);
const seedCount = Math.ceil(5 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1));

for (const [what, faults] of [
  ['clean stops', ['clean restart']],
  ['all faults', allFaults],
] as const) {
  test(`a tiny journal, upkeep under load and ${what}: no anomaly under ${seedCount} seeds (SEED=${firstSeed})`, async () => {
    const all = new Map<string, number>();
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
      let upkeep: Upkeep | undefined;
      const { recorder, logger } = await simulateStorage(seed, {
        faults,
        limits: { journalFileBytes: 4096, journalFileCountMax: 2 },
        // Faults may hit the start, and what comes before a broker is there.
        meanwhile: (world) => (upkeep = upkeepOf(world, seed)),
      });
      assert.equal(checkHistory(recorder.history).toString(), '', `SEED=${seed}`);
      assert.deepEqual([...logger.defects, ...upkeep!.defects], [], `SEED=${seed}`);
      assert.ok(upkeep!.appendCount > 20, `SEED=${seed}: ${upkeep!.appendCount} appends`);
      for (const [kind, count] of upkeep!.counts) all.set(kind, (all.get(kind) ?? 0) + count);
    }
    for (const [kind, count] of all) assert.ok(count >= seedCount / 2, `${kind}: ${count}`);
  });
}
