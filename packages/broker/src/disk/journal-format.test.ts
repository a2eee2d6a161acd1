// What is found behind damage in a file of the commit journal, wherever it is and whatever the sequence of the file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf } from '../test-support.ts';
import { fileHead, frameHead, readJournal, type JournalDamage } from './journal-format.ts';
import { memoryDisk } from './memory-disk.ts';

const partition = { topicId: new Uint8Array(16).fill(7), partition: 3 };
const batch = batchOf(['record']);

/** A file of a sequence: a whole frame, so many zeros, one more frame, and zeros up to its end. */
async function damageIn(sequence: bigint, zeros: number): Promise<readonly JournalDamage[]> {
  const disk = memoryDisk();
  await disk.makeFolder('/j');
  const frame = Buffer.concat([frameHead(partition, sequence, batch), batch]);
  const file = await disk.open('/j/0000.journal', 'write');
  await file.write([fileHead(sequence), frame, new Uint8Array(zeros), frame, new Uint8Array(100_000)], 0);
  await file.close();
  const damages: JournalDamage[] = [];
  for await (const entry of readJournal(disk, '/j', async (damage) => void damages.push(damage))) assert.ok(entry);
  return damages.map((damage) => ({ ...damage, to: damage.to - frame.length - zeros - frame.length - 20 }));
}

for (const sequence of [1n, 255n, 256n, 65_536n, 0x0102_0304_0506_0708n]) {
  test(`a frame of sequence ${sequence} is found behind any number of zeros`, async () => {
    for (const zeros of [1, 7, 8, 4_089, 4_096, 4_097, 8_191, 70_000]) {
      const [damage, ...more] = await damageIn(sequence, zeros);
      assert.deepEqual([damage?.to, damage?.file.sequence, more.length], [0, sequence, 0], `${zeros} zeros`);
    }
  });
}

test('no damage is told where nothing stands behind the last frame', async () => {
  assert.deepEqual(await damageIn(9n, 0), []);
});
