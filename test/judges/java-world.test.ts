// Apache Kafka's own Java world on our broker: its command line tools, which must show a user what they show of an Apache Kafka
// 4.3.1; Kafka Streams, at least once; Kafka Connect, alone and as a cluster of workers.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startApacheKafka } from '../support/apache-kafka.ts';
import { BrokerProcess } from '../support/broker-process.ts';
import { ConnectWorker, connectorState, until } from './connect-worker.ts';
import { connectJars, javaSource, JavaProgram, KafkaTools, type ToolResult } from './java-tools.ts';
import { meantEverywhere, toolCommands, toolFiles } from './tool-commands.ts';
import { withoutKafka } from './toolchain.ts';

/** As the Apache Kafka beside it is set up; otherwise each first member of a group waits three seconds for others. */
const config = { 'group.initial.rebalance.delay.ms': '0' };
const skip = withoutKafka();
const connectors = skip === false ? connectJars() : { missing: skip };
const skipConnect = 'missing' in connectors ? connectors.missing : false;

class Folder implements Disposable {
  readonly path = mkdtempSync(path.join(os.tmpdir(), 'throughline-java-'));

  write(name: string, text: string): string {
    writeFileSync(path.join(this.path, name), text);
    return path.join(this.path, name);
  }

  lines(name: string): string[] {
    return readFileSync(path.join(this.path, name), 'utf8').split('\n').slice(0, -1);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a user reads, without what differs from run to run: addresses, ids, times, and the order of hash maps. `met` is told of
 * the differences that are meant. */
function readable({ status, out, err }: ToolResult, address: string, met: Set<string>): string {
  const [host, port] = address.split(':') as [string, string];
  let text = `${out}\n${err}`
    .replaceAll(`${host}:${port}`, 'ADDRESS')
    .replaceAll(new RegExp(String.raw`\b${port}\b`, 'g'), 'PORT')
    .replaceAll(/(TopicId|Cluster ID): [\w-]{22}/g, '$1: ID')
    .replaceAll(/"logDir":"[^"]+"|"log_dirs":\["\/[^\]]+\]/g, 'DIR')
    .replaceAll(/^\[[\d-]{10} [^\]]+\] |"timestamp":\d+|adminclient-\d+/gm, '')
    .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
    .replaceAll(/^\s+at .*\n|^\s+\.\.\. \d+ more\n|^.*RunTools\$Ended.*\n/gm, '')
    // What a producer still says when its tool has returned, and how often a client asked for a topic that is being made.
    .replaceAll(/^.*"producer_send_success".*\n|^.*reported a recoverable issue.*\n/gm, '')
    .replaceAll(/ +/g, ' ');
  for (const { why, pattern, by } of meantEverywhere) {
    const before = text;
    text = text.replaceAll(pattern, by);
    if (text !== before) met.add(why);
  }
  const lines = text.replaceAll('},{', '},\n{').split('\n');
  return [
    `status ${status}`,
    ...lines
      .map((line) => line.trimEnd())
      .filter(Boolean)
      .toSorted(),
  ].join('\n');
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d[\d:.,-]*/g, 'N');
}

test('the command line tools show what they show of Apache Kafka, but for what is meant', { skip }, async () => {
  using folder = new Folder();
  const files = Object.entries(toolFiles).map(
    ([name, content]) =>
      [`{${name}}`, folder.write(name, typeof content === 'string' ? content : JSON.stringify(content))] as const,
  );
  await using broker = await BrokerProcess.start({ config });
  const kafka = await startApacheKafka();
  const wrong: string[] = [];
  const met = new Set<string>();
  try {
    await using onOurs = new KafkaTools();
    await using onKafka = new KafkaTools();
    const run = async (tools: KafkaTools, words: readonly string[], address: string): Promise<string> => {
      const [first = '', ...rest] = words.map((word) => files.find(([name]) => name === word)?.[1] ?? word);
      const isBeside = first === '&';
      const tool = isBeside ? rest.shift()! : first;
      const main = tool.startsWith('kafka.') ? tool : `org.apache.kafka.tools.${tool}`;
      // The cluster tool wants its verb before its options.
      const verb = tool === 'ClusterTool' ? rest.splice(0, 1) : [];
      const all = [main, ...verb, '--bootstrap-server', address, ...rest];
      return readable(await tools.run(isBeside ? ['&', ...all] : all), address, met);
    };
    for (const { words, meant, isMeasured } of toolCommands) {
      const both = async (): Promise<[string, string]> => {
        const shown = await Promise.all([run(onOurs, words, broker.address), run(onKafka, words, kafka.address)]);
        return isMeasured === true ? [withoutNumbers(shown[0]), withoutNumbers(shown[1])] : shown;
      };
      let [ours, theirs] = await both();
      // Kafka's brokers hear of a change a little after its controller has answered, and a member takes its time to join.
      const isReading = ['--describe', '--list', '--topic-partitions'].some((word) => words.includes(word));
      const triesMax = isReading && meant === undefined ? 50 : 0;
      for (let again = 0; ours !== theirs && again < triesMax; again++) [ours, theirs] = await both();
      const command = words.join(' ');
      if (meant === undefined) {
        if (ours !== theirs) wrong.push(`${command}\n--- ours: ${ours}\n--- Apache Kafka: ${theirs}`);
      } else if (ours === theirs) {
        wrong.push(`${command} is the same now: ${meant.why}`);
      } else if (!meant.ours.test(ours)) {
        wrong.push(`${command}\n--- ours: ${ours}`);
      }
    }
  } finally {
    await kafka.dispose();
  }
  assert.equal(wrong.length, 0, wrong.join('\n\n'));
  for (const { why } of meantEverywhere) assert.ok(met.has(why), `not there any more: ${why}`);
});

test('Kafka Streams counts words: two instances, a broker that is killed, a store restored', { skip }, async () => {
  using folder = new Folder();
  await using broker = await BrokerProcess.start({ config });
  await using program = new JavaProgram([javaSource('StreamsWordCount'), broker.address, folder.path, '200']);
  let last = '';
  for await (const line of program.lines) {
    last = line;
    if (line !== 'halfway') continue;
    await broker.stop('SIGKILL');
    await broker.start();
    program.child.stdin.end('\n');
  }
  assert.equal(await program.exited(), 0, program.complaints);
  const result = JSON.parse(last) as {
    readonly produced: Readonly<Record<string, number>>;
    readonly counted: Readonly<Record<string, number>>;
    readonly restored: number;
    readonly internalTopics: readonly string[];
  };
  // At least once: what was not committed when the broker died is counted again.
  for (const [word, count] of Object.entries(result.produced)) {
    assert.equal(count, 800);
    assert.ok(result.counted[word]! >= count && result.counted[word]! <= 2 * count, `${word}: ${result.counted[word]}`);
  }
  assert.ok(result.restored >= Object.keys(result.produced).length);
  assert.deepEqual(result.internalTopics, ['word-count-by-word-repartition', 'word-count-counted-changelog']);
});

test('Kafka Connect alone: a file to a topic to a file', { skip: skipConnect }, async () => {
  assert.ok('jars' in connectors);
  using folder = new Folder();
  await using broker = await BrokerProcess.start({ config });
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
  const input = folder.write('in.txt', `${lines.join('\n')}\n`);
  const output = folder.write('out.txt', '');
  const connector = (name: string, settings: Readonly<Record<string, string>>): string =>
    folder.write(`${name}.json`, JSON.stringify({ name, config: settings }));
  await using worker = await ConnectWorker.start(
    {
      jars: connectors.jars,
      folder: folder.path,
      bootstrap: broker.address,
      settings: {
        'offset.storage.file.filename': path.join(folder.path, 'offsets'),
      },
    },
    connector('source', { 'connector.class': 'FileStreamSource', file: input, topic: 'lines' }),
    connector('sink', { 'connector.class': 'FileStreamSink', file: output, topics: 'lines', 'tasks.max': '2' }),
  );
  await until('the lines on the other side', () => folder.lines('out.txt').length >= lines.length, worker);
  assert.deepEqual(folder.lines('out.txt'), lines);
});

test(
  'Kafka Connect as a cluster: two workers, one dies, so does the broker; offsets are shown and forgotten',
  {
    skip: skipConnect,
  },
  async () => {
    assert.ok('jars' in connectors);
    using folder = new Folder();
    await using broker = await BrokerProcess.start({ config });
    const setup = {
      jars: connectors.jars,
      folder: folder.path,
      bootstrap: broker.address,
      settings: {
        'group.id': 'connect-judged',
        'session.timeout.ms': '6000',
        'heartbeat.interval.ms': '1000',
        'consumer.session.timeout.ms': '6000',
        'consumer.heartbeat.interval.ms': '1000',
        'scheduled.rebalance.max.delay.ms': '1000',
        ...Object.fromEntries(
          ['config', 'offset', 'status'].flatMap((kind) => [
            [`${kind}.storage.topic`, `connect-${kind}`],
            [`${kind}.storage.replication.factor`, '1'],
          ]),
        ),
      },
    };
    await using worker = await ConnectWorker.start(setup);
    await using doomed = await ConnectWorker.start(setup);
    await Promise.all([worker.ready(), doomed.ready()]);
    const input = folder.write('in.txt', '');
    const output = folder.write('out.txt', '');
    const lines: string[] = [];
    const write = (): void => {
      for (let count = 0; count < 300; count++) lines.push(`line ${lines.length}`);
      folder.write('in.txt', `${lines.join('\n')}\n`);
    };
    const areThrough = (): boolean => new Set(folder.lines('out.txt')).size === lines.length;
    write();
    await worker.ask('PUT', '/connectors/source/config', {
      'connector.class': 'FileStreamSource',
      file: input,
      topic: 'lines',
      'topic.creation.default.partitions': '4',
      'topic.creation.default.replication.factor': '1',
    });
    await worker.ask('PUT', '/connectors/sink/config', {
      'connector.class': 'FileStreamSink',
      file: output,
      topics: 'lines',
      'tasks.max': '3',
      'consumer.override.metadata.max.age.ms': '1000',
    });
    await until('the first lines', areThrough, worker);
    await until(
      'two workers that share the tasks',
      async () => {
        const { placed } = await connectorState(worker);
        return placed.length === 6 && new Set(placed).size === 2;
      },
      worker,
    );

    await doomed[Symbol.asyncDispose]();
    write();
    await until(
      'one worker that has all tasks',
      async () => {
        const { placed, states } = await connectorState(worker);
        return placed.length === 6 && new Set(placed).size === 1 && states.every((state) => state === 'RUNNING');
      },
      worker,
    );
    await until('the second lines', areThrough, worker);

    await broker.stop('SIGKILL');
    await broker.start();
    write();
    await until('the lines after the crash of the broker', areThrough, worker);

    const position = readFileSync(input).length;
    await until(
      'the offsets',
      async () => {
        const { offsets } = (await worker.ask('GET', '/connectors/source/offsets')) as {
          offsets: { offset: object }[];
        };
        return JSON.stringify(offsets[0]?.offset) === JSON.stringify({ position });
      },
      worker,
    );
    for (const name of ['source', 'sink']) {
      await worker.ask('PUT', `/connectors/${name}/stop`);
      await until(
        `the stop of the ${name}`,
        async () => (await connectorState(worker, name)).placed.length === 1,
        worker,
      );
      await worker.ask('DELETE', `/connectors/${name}/offsets`);
      assert.deepEqual(await worker.ask('GET', `/connectors/${name}/offsets`), { offsets: [] });
    }
    folder.write('out.txt', '');
    for (const name of ['source', 'sink']) await worker.ask('PUT', `/connectors/${name}/resume`);
    // The sink reads all there is from the start, and the source writes all of its file once more.
    await until('everything again', () => folder.lines('out.txt').length >= 2 * lines.length, worker);
    await worker.ask('DELETE', '/connectors/sink');
    assert.deepEqual(await worker.ask('GET', '/connectors'), ['source']);
  },
);

test(
  'MirrorMaker 2 brings topics, records, settings and offsets of groups from one broker to another',
  {
    skip: skipConnect,
  },
  async () => {
    assert.ok('jars' in connectors);
    using folder = new Folder();
    await using source = await BrokerProcess.start({ config });
    await using target = await BrokerProcess.start({ config });
    await using tools = new KafkaTools();
    const run = async (tool: string, address: string, line: string): Promise<string> => {
      const words = [`org.apache.kafka.tools.${tool}`, '--bootstrap-server', address, ...line.split(' ')];
      return (await tools.run(words)).out;
    };
    await run('TopicCommand', source.address, '--create --topic orders --partitions 2 --config retention.ms=86400000');
    await run(
      'ProducerPerformance',
      source.address,
      '--topic orders --num-records 500 --record-size 50 --throughput -1',
    );
    await run(
      'ConsumerPerformance',
      source.address,
      '--topic orders --num-records 500 --group readers --timeout 10000',
    );
    const settings = {
      clusters: 'source,target',
      'source.bootstrap.servers': source.address,
      'target.bootstrap.servers': target.address,
      'source->target.enabled': 'true',
      'source->target.topics': 'orders',
      'sync.group.offsets.enabled': 'true',
      // There are no access lists yet: MirrorMaker would complain of it every ten minutes.
      'sync.topic.acls.enabled': 'false',
      'plugin.discovery': 'service_load',
      ...Object.fromEntries(
        ['sync.group.offsets', 'emit.checkpoints', 'refresh.topics', 'refresh.groups'].map((what) => [
          `${what}.interval.seconds`,
          '1',
        ]),
      ),
      ...Object.fromEntries(
        ['', 'checkpoints.topic.', 'heartbeats.topic.', 'offset-syncs.topic.']
          .concat(['offset.storage.', 'status.storage.', 'config.storage.'])
          .map((what) => [`${what}replication.factor`, '1']),
      ),
    };
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
    const file = folder.write('mirror.properties', text.join(''));
    await using mirror = new JavaProgram(['org.apache.kafka.connect.mirror.MirrorMaker', file], connectors.jars);
    const wanted = (await run('GetOffsetShell', source.address, '--topic orders')).replaceAll(
      'orders',
      'source.orders',
    );
    const isThere = async (tool: string, line: string, what: RegExp | string): Promise<boolean> => {
      const out = await run(tool, target.address, line);
      return typeof what === 'string' ? out === what : what.test(out);
    };
    await until('the records', () => isThere('GetOffsetShell', '--topic-partitions source.orders', wanted), mirror);
    assert.ok(await isThere('TopicCommand', '--describe --topic source.orders', /Configs: retention\.ms=86400000$/m));
    const readers = '--describe --group readers';
    await until(
      'the group',
      () => isThere('consumer.group.ConsumerGroupCommand', readers, /source\.orders +\d/),
      mirror,
    );
  },
);
