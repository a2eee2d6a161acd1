// The commands that work on any Kafka: topics, produce, consume and groups with --bootstrap, here against a broker of ours.
// test/judges/cli-kafka.test.ts has the same against Apache Kafka.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { throughline } from '../support/cli.ts';
import { kafkaCommands } from '../support/kafka-commands.ts';

let broker: RunningBroker;

describe('commands with --bootstrap, on a broker of ours', () => {
  before(async () => {
    broker = await createBroker({ memory: true, nodes: 2 });
  });
  after(() => broker.close());
  kafkaCommands(() => broker.address);
});

test('a command that waits for a cluster says so, and what it says at its end is true of a command', async () => {
  const { code, stderr, progress } = await throughline(['topics', '--bootstrap', '127.0.0.1:1']);
  assert.equal(code, 1);
  assert.match(progress, /^waiting for 127\.0\.0\.1:1 …\n$/);
  assert.match(stderr, /\[LOG_UNREACHABLE\] .*a running server tries again by itself\.\n$/);
});
