// The commands that work on any Kafka, against Apache Kafka: see test/integration/cli-kafka.test.ts.
//
// Needs Java, Maven and the folder of tools beside the repository; skips with the reason otherwise.
import { after, before, describe } from 'node:test';
import { kafkaCommands } from '../support/kafka-commands.ts';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { withoutKafka } from './toolchain.ts';

let kafka: ApacheKafka;

describe('commands with --bootstrap, on Apache Kafka', { skip: withoutKafka() }, () => {
  before(async () => {
    kafka = await startApacheKafka();
  });
  after(() => kafka.dispose());
  kafkaCommands(() => kafka.address);
});
