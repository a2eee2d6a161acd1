// The Log port on Apache Kafka: the same conformance suite and the same model test as the embedded log.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import { after, before, describe } from 'node:test';
import { kafka } from '@throughline/log';
import { logModel } from '../conformance/log-model.ts';
import { logConformance } from '../conformance/log-suite.ts';
import type { LogUnderTest } from '../conformance/log-support.ts';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { withoutKafka } from './toolchain.ts';

describe('Apache Kafka 4.3.1', { skip: withoutKafka() }, () => {
  let broker: ApacheKafka;
  before(async () => {
    broker = await startApacheKafka();
  });
  after(() => broker.dispose());

  const connect = async (): Promise<LogUnderTest> => ({
    log: await kafka({ bootstrap: broker.address }),
    reopen: connect,
    dispose: async () => {},
  });
  for (const durability of ['os', 'fsync'] as const) {
    const config = { durability };
    logConformance(`Apache Kafka, durability ${durability}`, connect, { config, reopens: true, batches: 'read' });
  }
  logModel('Apache Kafka', connect, {}, 15);
});
