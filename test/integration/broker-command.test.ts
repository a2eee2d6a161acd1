// `throughline broker` as users run it: a process with a Kafka port.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { metadataApi } from '@throughline/wire/apis';
import { throughline } from '../support/cli.ts';
import { connectKafka } from '../support/kafka-client.ts';
import { throwsOnSignal } from '../support/planted-defect.ts';

const main = path.resolve(import.meta.dirname, '../../packages/throughline/src/cli/main.ts');

interface Ready {
  readonly kafka: string;
  readonly addresses: readonly string[];
  readonly dataDir: string | null;
}

interface RunningBroker {
  readonly process: ChildProcess;
  readonly ready: Ready;
}

/** Starts it on a free port and waits for its ready line. */
async function startBroker(t: TestContext, ...flags: readonly string[]): Promise<RunningBroker> {
  return startBrokerWith(t, { flags });
}

async function startBrokerWith(
  t: TestContext,
  { flags, nodeFlags = [] }: { readonly flags: readonly string[]; readonly nodeFlags?: readonly string[] },
): Promise<RunningBroker> {
  const node = ['--conditions=throughline-source', ...nodeFlags];
  const args = [...node, main, 'broker', '--kafka-port', '0', '--json', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', nodeFlags.length > 0 ? 'pipe' : 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return { process: child, ready: JSON.parse(line) as Ready };
}

async function stop({ process: child }: RunningBroker, signal: NodeJS.Signals): Promise<unknown> {
  const ended = once(child, 'exit');
  child.kill(signal);
  return (await ended)[0];
}

async function folder(t: TestContext): Promise<string> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'throughline-broker-command-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** Asks for a topic, which is how a client has it made, until it is there; the number of its partitions. */
async function topicPartitions(address: string, name: string): Promise<number> {
  const client = await connectKafka(address);
  try {
    for (;;) {
      const { topics } = await client.call(metadataApi, 9, { topics: [{ name }], allowAutoTopicCreation: true });
      const [topic] = topics;
      if (topic?.errorCode === 'NONE') return topic.partitions.length;
    }
  } finally {
    await client.close();
  }
}

test('the broker runs until a signal, keeps what it has, and obeys --set', async (t) => {
  const dataDir = await folder(t);
  const first = await startBroker(t, '--data-dir', dataDir, '--set', 'num.partitions=4');
  assert.equal(first.ready.dataDir, dataDir);
  assert.equal(await topicPartitions(first.ready.kafka, 'orders'), 4);
  assert.equal(await stop(first, 'SIGTERM'), 0);

  const second = await startBroker(t, '--data-dir', dataDir, '--set', 'num.partitions=1');
  assert.equal(await topicPartitions(second.ready.kafka, 'orders'), 4);
  const rejected = await throughline(['broker', '--kafka-port', '0', '--data-dir', dataDir, '--json']);
  assert.equal(rejected.code, 1);
  assert.match(rejected.stderr, new RegExp(`in use by process ${second.process.pid} \\[DATA_DIR_IN_USE\\]`));
  assert.equal(await stop(second, 'SIGINT'), 0);
});

test('what nobody has caught closes the broker in order, with its words and an exit code', async (t) => {
  const dataDir = await folder(t);
  const flags = ['--data-dir', dataDir];
  const broker = await startBrokerWith(t, { flags, nodeFlags: [throwsOnSignal] });
  assert.equal(await topicPartitions(broker.ready.kafka, 'orders'), 1);
  const words = text(broker.process.stderr!);
  assert.equal(await stop(broker, 'SIGUSR2'), 1);
  assert.match(await words, /^error a defect that nobody has caught: closing: planted/);
  const next = await startBroker(t, ...flags);
  assert.equal(await topicPartitions(next.ready.kafka, 'orders'), 1);
  assert.equal(await stop(next, 'SIGTERM'), 0);
});

test('in memory and with virtual nodes: every node is told of, and no folder is made', async (t) => {
  const before = existsSync('.throughline');
  const broker = await startBroker(t, '--memory', '--nodes', '3');
  assert.equal(broker.ready.dataDir, null);
  assert.equal(broker.ready.addresses.length, 3);
  const client = await connectKafka(broker.ready.addresses[2]!);
  const { brokers } = await client.call(metadataApi, 9, { topics: [] });
  assert.deepEqual(
    brokers.map(({ nodeId, host, port }) => `${nodeId} ${host}:${port}`),
    broker.ready.addresses.map((address, index) => `${index + 1} ${address}`),
  );
  // A client that stays connected does not keep it from stopping.
  assert.equal(await stop(broker, 'SIGTERM'), 0);
  await client.closed;
  assert.equal(existsSync('.throughline'), before);
});

test('what cannot work is rejected at the start with one coded line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const rejections: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [['--kafka-port', String(port)], new RegExp(`127.0.0.1:${port} is in use \\[PORT_IN_USE\\] .*--kafka-port`)],
    [['--host', '0.0.0.0'], /--host: 0\.0\.0\.0 is not loopback.*\[CONFIG_INVALID\]/],
    [['--kafka-port', '0', '--set', 'no.such.setting=1'], /no\.such\.setting.*\[INVALID_CONFIG\]/],
    [
      ['--kafka-port', '0', '--set', 'num.partitions'],
      /--set num\.partitions: expected name=value.*\[INVALID_ARGUMENT\]/,
    ],
    [['--kafka-port', '99999999'], /--kafka-port: "99999999" .*0 to 65535.*\[CONFIG_INVALID\]/],
    [
      ['--kafka-port', '0', '--advertised-port', '99999999'],
      /--advertised-port: "99999999" .*1 to 65535.*\[CONFIG_INVALID\]/,
    ],
    [
      ['--kafka-port', '0', '--nodes', '3', '--advertised-port', '65534'],
      /advertisedPort is 65534, wanted 1 to 65533.*\[INVALID_ARGUMENT\]/,
    ],
    [['--kafka-port', '0', '--nodes', '0'], /nodes is 0, wanted 1 to 100.*\[INVALID_ARGUMENT\]/],
  ];
  for (const [flags, says] of rejections) {
    const { code, stderr } = await throughline(['broker', '--memory', ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, says);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  }
});
