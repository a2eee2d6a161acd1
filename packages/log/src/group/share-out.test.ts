import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { integerBetween, seededRandom } from '@throughline/event';
import type { TopicPartition } from '../port/port.ts';
import { partitionKey, shareOut, type SharingMember } from './share-out.ts';

const member = (memberId: string, topics: readonly string[], owned: readonly TopicPartition[] = []): SharingMember => ({
  memberId,
  topics,
  owned,
  generation: owned.length === 0 ? -1 : 1,
});
const partitions = (topic: string, ...numbers: readonly number[]): readonly TopicPartition[] =>
  numbers.map((partition) => ({ topic, partition }));

describe('sharing out', () => {
  test('gives everything, spreads each topic, and keeps what can stay where it is', () => {
    const held = [...partitions('a', 0, 1, 2, 3), ...partitions('b', 0, 1, 2, 3)];
    const counts = new Map([
      ['a', 4],
      ['b', 4],
    ]);
    const shares = shareOut([member('x', ['a', 'b'], held), member('y', ['a', 'b'])], counts);
    assert.deepEqual(shares.get('x'), [...partitions('a', 0, 1), ...partitions('b', 0, 1)]);
    assert.deepEqual(shares.get('y'), [], 'what is to move is free only once it has been released');
    const next = shareOut([member('x', ['a', 'b'], shares.get('x')), member('y', ['a', 'b'])], counts);
    assert.deepEqual(next.get('y'), [...partitions('a', 2, 3), ...partitions('b', 2, 3)]);
  });

  test('believes the later generation of two claims', () => {
    const claim = partitions('t', 0);
    const shares = shareOut(
      [
        { memberId: 'early', topics: ['t'], owned: claim, generation: 3 },
        { memberId: 'late', topics: ['t'], owned: claim, generation: 5 },
      ],
      new Map([['t', 1]]),
    );
    assert.deepEqual([shares.get('early'), shares.get('late')], [[], claim]);
  });

  test('whatever comes and goes: never one partition for two, and at rest all is out, evenly (300 seeds)', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const counts = new Map([
        ['a', integerBetween(random, 0, 7)],
        ['b', integerBetween(random, 1, 5)],
      ]);
      const total = counts.get('a')! + counts.get('b')!;
      let members: readonly SharingMember[] = [];
      let nextId = 0;
      for (let generation = 1; generation <= 12; generation++) {
        if (generation <= 8) {
          members = members.filter(() => random.float() > 0.2);
          if (members.length === 0 || random.float() < 0.5) {
            members = [...members, member(`m${nextId++}`, ['a', 'b'])];
          }
        }
        const shares = shareOut(members, counts);
        // Some have released what they lost by the next generation, some have not; at the end all have.
        members = members.map((one) => {
          const assigned = shares.get(one.memberId)!;
          const keys = new Set(assigned.map(partitionKey));
          const kept = one.owned.filter((owned) => !keys.has(partitionKey(owned)));
          const isSlow = generation <= 9 && random.float() < 0.5;
          return { ...one, owned: isSlow ? [...assigned, ...kept] : assigned, generation };
        });
        const held = members.flatMap(({ owned }) => owned.map(partitionKey));
        assert.equal(new Set(held).size, held.length, `seed ${seed}, generation ${generation}: held twice`);
      }
      const sizes = members.map(({ owned }) => owned.length);
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        total,
        `seed ${seed}: all is out`,
      );
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `seed ${seed}: ${sizes.join(' ')}`);
    }
  });
});
