// The workload and the checker on Apache Kafka, with its connections cut: a checker that finds something wrong with a broker that is
// right is wrong itself. SEED sets the seed.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { delay, integerBetween, seededRandom, systemClock } from '@throughline/event';
import { checkHistory } from '../checker/check-history.ts';
import type { History } from '../checker/history.ts';
import { tallyOf } from '../simulation/tally.ts';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { runTcpWorkload } from '../workload/tcp-workload.ts';
import { withoutKafka } from './toolchain.ts';
import { seed } from '../support/seed.ts';

const cutCount = 20;
/** A machine that is too busy for its group to do anything between so many cuts tells nothing. */
const cutCountMax = 200;
/** How often each thing has to succeed: a workload in which nothing does finds nothing. */
const successCount = 20;

describe('the checker on Apache Kafka 4.3.1', { skip: withoutKafka() }, () => {
  let broker: ApacheKafka;
  before(async () => {
    broker = await startApacheKafka();
  });
  after(() => broker.dispose());

  it(`finds nothing, though connections are cut all the time (SEED=${seed})`, async (t) => {
    const random = seededRandom(seed);
    const { history } = await runTcpWorkload({
      address: broker.address,
      topic: 't',
      random,
      // A Java machine that has just started is slow to answer.
      requestTimeoutMs: 3000,
      nemesis: async (wire, recorder) => {
        for (let cut = 0; cut < cutCount || (!hasSucceeded(recorder.history) && cut < cutCountMax); cut++) {
          wire.cut();
          await delay(systemClock, integerBetween(random, 50, 600));
        }
      },
    });
    const tally = tallyOf(history);
    t.diagnostic([...tally].map(([name, count]) => `${name} ${count}`).join(', '));
    assert.equal(checkHistory(history).toString(), '', `SEED=${seed}`);
    assert.ok(hasSucceeded(history), 'nothing has been shown');
  });
});

function hasSucceeded(history: History): boolean {
  const tally = tallyOf(history);
  return ['send ok', 'poll ok', 'commit ok'].every((name) => (tally.get(name) ?? 0) >= successCount);
}
