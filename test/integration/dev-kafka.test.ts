// The Kafka port of `throughline dev`: any client sees the very log that the page and the functions live on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { metadataApi } from '@throughline/wire/apis';
import { throughline } from '../support/cli.ts';
import { connectKafka } from '../support/kafka-client.ts';
import { startServer } from '../support/server.ts';

const app = 'test/support/app';

test('dev serves its log on the Kafka port, which its banner and server.json name', async (t) => {
  const server = await startServer();
  t.after(() => server.dispose());
  const { kafka } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as { kafka: string };
  assert.match(kafka, /^127\.0\.0\.1:\d+$/);
  assert.ok(server.output.includes(`Kafka        ${kafka}`), server.output);
  const client = await connectKafka(kafka);
  const { brokers, topics } = await client.call(metadataApi, 12, { topics: null });
  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`),
    [kafka],
  );
  const conversations = topics.find(({ name }) => name === 'conversations');
  assert.equal(conversations?.partitions.length, 4);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^throughline_kafka_connections 1$/m);
  assert.match(metrics, /^throughline_kafka_requests_total\{api="Metadata"\} 1$/m);
  assert.equal(await server.stop(), 0);
  await client.closed;
});

test('a Kafka port in use is rejected, and says which flag helps', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const dataDir = await mkdtemp(path.join(tmpdir(), 'throughline-'));
  t.after(() => rm(dataDir, { recursive: true }));
  const rejected = await throughline([
    'dev',
    app,
    '--http-port',
    '0',
    '--kafka-port',
    String(port),
    '--data-dir',
    dataDir,
  ]);
  assert.equal(rejected.code, 1);
  assert.match(rejected.stderr, new RegExp(`127.0.0.1:${port} is in use \\[PORT_IN_USE\\] .*--kafka-port`));
});
