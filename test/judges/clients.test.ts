// Clients of other languages and of other times against our broker: produce, consume, groups and administration, with
// rebalances under way and a kill -9 of the broker in the middle. Each is judged by what the client itself has seen
// (clients/scenario.py says what), and none knows that it does not talk to Apache Kafka.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { BrokerProcess } from '../support/broker-process.ts';
import { runClient } from './client-run.ts';
import { kafkaTool, pythonWith, withoutKafka, withoutProgram } from './toolchain.ts';

const pythonClients = {
  confluent_client: 'confluent-kafka==2.16.1',
  kafka_python_client: 'kafka-python==3.0.12',
  aiokafka_client: 'aiokafka==0.14.0',
};

for (const [script, pypi] of Object.entries(pythonClients)) {
  const found = pythonWith([pypi]);
  const skip = 'missing' in found ? found.missing : false;
  for (const isKilled of [false, true]) {
    const how = isKilled ? ', the broker killed in the middle' : '';
    test(`${pypi}: administration, produce, a group that rebalances${how}`, { skip }, async () => {
      assert.ok('python' in found);
      const file = path.join(import.meta.dirname, 'clients', `${script}.py`);
      await runClient([found.python, file], { isKilled });
    });
  }
}

test(
  'kcat 1.7.1 on librdkafka 2.0.2: all codecs, keys and headers, a group, metadata',
  {
    skip: withoutProgram('kcat', 'kcat'),
  },
  async () => {
    await using broker = await BrokerProcess.start();
    const kcat = (options: readonly string[], input?: string): string => {
      const { status, stdout, stderr } = spawnSync('kcat', ['-b', broker.address, ...options], {
        encoding: 'utf8',
        timeout: 60_000,
        ...(input === undefined ? {} : { input }),
      });
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
    const lines = Array.from({ length: 200 }, (_, index) => `key-${index % 7}:value ${'x'.repeat(50)} ${index}`);
    for (const codec of codecs) {
      kcat(
        ['-P', '-t', 'judged', '-K:', '-H', `codec=${codec}`, '-z', codec, '-X', 'acks=all'],
        `${lines.join('\n')}\n`,
      );
    }
    const read = kcat(['-C', '-t', 'judged', '-e', '-q', '-o', 'beginning', '-f', '%h|%k:%s\n']);
    const wanted = codecs.flatMap((codec) => lines.map((line) => `codec=${codec}|${line}`));
    assert.deepEqual(read.trimEnd().split('\n').toSorted(), wanted.toSorted());

    // The records of the second half, by their time; the group goes on where it stopped.
    const group = (count: number): string[] =>
      kcat(['-G', 'judged-group', '-q', '-c', String(count), '-X', 'auto.offset.reset=earliest', 'judged'])
        .trimEnd()
        .split('\n');
    assert.equal(new Set([...group(400), ...group(600)]).size, 200);
    const { topics } = JSON.parse(kcat(['-L', '-J'])) as { topics: { topic: string }[] };
    assert.ok(topics.some(({ topic }) => topic === 'judged'));
    assert.match(kcat(['-Q', '-t', `judged:0:${Date.now() - 3_600_000}`]), /judged \[0\] offset 0/);
  },
);

test(
  "Apache's Java client 4.3.1: console tools, verifiable tools, administration, a group that is reset",
  {
    skip: withoutKafka(),
  },
  async () => {
    await using broker = await BrokerProcess.start({ config: { 'num.partitions': '3' } });
    const kafka = (verb: string, options: readonly string[], input?: string): string => {
      const { status, stdout, stderr } = spawnSync(
        'bash',
        [kafkaTool, verb, '--bootstrap-server', broker.address, ...options],
        { encoding: 'utf8', timeout: 120_000, ...(input === undefined ? {} : { input }) },
      );
      assert.equal(status, 0, `${verb} ${options.join(' ')}: ${stderr}`);
      return stdout;
    };
    assert.match(kafka('topics', ['--create', '--topic', 'judged', '--partitions', '4']), /Created topic judged/);
    assert.match(kafka('topics', ['--describe', '--topic', 'judged']), /PartitionCount: 4/);
    kafka('produce', ['--topic', 'judged'], 'one\ntwo\nthree\n');
    const consumed = kafka('consume', ['--topic', 'judged', '--from-beginning', '--max-messages', '3', '--group', 'g']);
    assert.deepEqual(consumed.trimEnd().split('\n').toSorted(), ['one', 'three', 'two']);

    kafka('topics', ['--create', '--topic', 'verified', '--partitions', '2']);
    const produced = kafka('verify-produce', ['--topic', 'verified', '--max-messages', '3000', '--acks', '-1']);
    assert.match(produced, /"sent":3000.*"acked":3000|"acked":3000.*"sent":3000/);
    const verified = kafka('verify-consume', [
      '--topic',
      'verified',
      '--group-id',
      'v',
      '--max-messages',
      '3000',
      '--reset-policy',
      'earliest',
    ]);
    let total = 0;
    for (const [, count] of verified.matchAll(/"name":"records_consumed".*?"count":(\d+)/g)) total += Number(count);
    assert.equal(total, 3000);

    kafka('configs', ['--alter', '--topic', 'judged', '--add-config', 'retention.ms=123456789']);
    assert.match(kafka('configs', ['--describe', '--topic', 'judged']), /retention\.ms=123456789/);
    assert.match(kafka('groups', ['--describe', '--group', 'v']), /verified\s+\d\s+\d+\s+\d+\s+0/);
    kafka('groups', ['--group', 'v', '--topic', 'verified', '--reset-offsets', '--to-earliest', '--execute']);
    assert.match(kafka('groups', ['--describe', '--group', 'v']), /verified\s+\d\s+0\s+\d+/);
    kafka('groups', ['--delete', '--group', 'v']);
    kafka('topics', ['--delete', '--topic', 'verified']);
    assert.doesNotMatch(kafka('topics', ['--list']), /verified/);
  },
);
