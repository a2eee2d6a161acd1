// Apache Kafka 4.3.1 as oracle: the same requests to it and to our broker, in every version of every API that we answer, and
// the answers compared field by field. What is meant to be different stands in test/oracle/differences.ts; anything else
// fails, and so does a meant difference that is not there.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handlers } from '../../packages/broker/src/apis/registry.ts';
import { differencesOf, meantBy, shown } from '../oracle/compare.ts';
import { meantDifferences } from '../oracle/differences.ts';
import { startBothSides, type BothSides } from '../oracle/both-sides.ts';
import { scripts } from '../oracle/scripts/index.ts';
import { randomSession } from '../oracle/scripts/random-session.ts';
import { versionsOf } from '../oracle/scripts/script.ts';
import { withoutKafka } from './toolchain.ts';
import { roundsFactor, seed } from '../support/seed.ts';

/** test:long looks for what nobody has met yet; a judge of a commit must not fall over one that is innocent. */
const isLong = roundsFactor > 1;
/** The first of the random sessions, and how many there are. */
const sessionCount = Number(process.env['SESSIONS'] ?? (isLong ? 200 : 8));

describe('Apache Kafka 4.3.1 as oracle', { skip: withoutKafka() }, () => {
  let both: BothSides;
  before(async () => {
    both = await startBothSides();
  });
  after(() => both.close());

  const sessions = Array.from({ length: sessionCount }, (_, index) => randomSession(seed + index));
  for (const script of [...scripts, ...sessions]) {
    test(`${script.name}: both brokers answer the same`, async () => {
      const unmeant = (await both.run(script)).filter((one) => !meantDifferences.some((meant) => meantBy(one, meant)));
      assert.equal(unmeant.length, 0, `${unmeant.length} differences:\n${unmeant.slice(0, 40).map(shown).join('\n')}`);
    });
  }

  test('every API was asked in every version', () => {
    const asked = new Set(both.ours.steps.map(({ api, version }) => `${api} v${version}`));
    const missing = handlers.flatMap(({ api }) => versionsOf(api).map((version) => `${api.name} v${version}`));
    assert.deepEqual(
      missing.filter((one) => !asked.has(one)),
      [],
    );
  });

  test('every difference that is meant is there', () => {
    const found = differencesOf(both.ours, both.kafka);
    const stale = meantDifferences.filter((meant) => !found.some((one) => meantBy(one, meant)));
    assert.deepEqual(stale, []);
  });
});
