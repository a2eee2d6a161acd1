// The commands that work on any Kafka: topics, produce, consume and groups with --bootstrap, here against a broker of ours.
// test/judges/cli-kafka.test.ts has the same against Apache Kafka.
import { after, before, describe } from 'node:test';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { kafkaCommands } from '../support/kafka-commands.ts';

let broker: RunningBroker;

describe('commands with --bootstrap, on a broker of ours', () => {
  before(async () => {
    broker = await createBroker({ memory: true, nodes: 2 });
  });
  after(() => broker.close());
  kafkaCommands(() => broker.address);
});
