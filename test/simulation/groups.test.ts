// Random lives of groups in virtual time. A failing seed shows the same again: THROUGHLINE_SEED=<seed> runs it alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integerBetween } from '@throughline/event';
import { SimulatedGroup } from './simulated-group.ts';

const given = process.env['THROUGHLINE_SEED'];
const seedCount = 40 * Number(process.env['THROUGHLINE_ROUNDS'] ?? 1);
const seeds = given === undefined ? Array.from({ length: seedCount }, (_, index) => index + 1) : [Number(given)];

for (const seed of seeds) {
  test(`no partition is two members', no commit is lost or of the past, and everybody is answered (seed ${seed})`, async () => {
    const group = new SimulatedGroup(seed);
    const { clock } = group.world;
    await group.start();
    for (let step = 0; step < 60; step++) {
      const roll = group.random.float();
      if (group.open === undefined) await group.start();
      else if (roll < 0.25 && group.members.length < 6) group.addMember();
      else if (roll < 0.35) group.pick()?.end('leaves');
      else if (roll < 0.45) group.pick()?.end('dies');
      else if (roll < 0.55) group.pick()?.pause(integerBetween(group.random, 1_000, 8_000));
      else if (roll < 0.62) await group.stop();
      await group.pass(integerBetween(group.random, 100, 3_000));
    }

    // Left alone, the group comes to rest: everybody who is there has an assignment of one generation.
    if (group.open === undefined) await group.start();
    if (group.members.length === 0) group.addMember();
    await group.pass(30_000);
    const { groups } = group.open!;
    const present = groups.group('g');
    assert.equal(present?.state, 'Stable');
    assert.deepEqual([...new Set(group.members.map(({ generationId }) => generationId))], [present.generationId]);
    assert.equal(present.members.size, group.members.length);
    for (const member of group.members) member.end('leaves');
    await group.pass(10_000);
    assert.equal(group.waitingCount, 0, 'everybody was answered');
    group.history.check(group.open!);
    await group.stop();
    // What processes that were killed had on their way.
    await clock.advance(600_000);
    assert.equal(clock.timerCount, 0, 'no timer is left behind');
    assert.ok(group.history.generationCount > 2);
  });
}
