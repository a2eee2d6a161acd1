// Folds of one consumer group on Apache Kafka: what holds on our broker holds there.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import { after, before, describe, test } from 'node:test';
import { kafka } from '@throughline/log';
import { memberIsKilled, membersShare } from '../integration/shared-folds-suite.ts';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { withoutKafka } from './toolchain.ts';

/** The smallest that Apache Kafka takes by default (group.min.session.timeout.ms). */
const sessionTimeoutMs = 6_000;

describe('folds of one group on Apache Kafka 4.3.1', { skip: withoutKafka(), timeout: 240_000 }, () => {
  let broker: ApacheKafka;
  before(async () => {
    broker = await startApacheKafka();
  });
  after(() => broker.dispose());

  test('share the partitions', async (t) => {
    const [first, second] = [await kafka({ bootstrap: broker.address }), await kafka({ bootstrap: broker.address })];
    await membersShare(t, first, second);
    await first.close();
    await second.close();
  });

  test('take over what a killed member had, and the member comes back to its own state', async (t) => {
    const log = await kafka({ bootstrap: broker.address });
    await memberIsKilled(t, log, broker.address, sessionTimeoutMs);
    await log.close();
  });
});
