// `throughline migrate` with Apache Kafka as target and as source: offsets, times, headers and groups are the same there and
// back; offsets that transactions leave without a record are rejected by name, and filled when that is asked for.
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fromUtf8, utf8 } from '@throughline/event';
import { kafkaCluster, openEmbeddedLog, type KafkaCluster, type Log } from '@throughline/log';
import { Kafka, logLevel } from 'kafkajs';
import { startApacheKafka, type ApacheKafka } from '../support/apache-kafka.ts';
import { withoutKafka } from './toolchain.ts';

const main = path.resolve('packages/throughline/src/cli/main.ts');

describe('migrate with Apache Kafka 4.3.1', { skip: withoutKafka() }, () => {
  let broker: ApacheKafka;
  let cluster: KafkaCluster;
  const folders: string[] = [];
  before(async () => {
    broker = await startApacheKafka();
    cluster = await kafkaCluster({ bootstrap: broker.address });
  });
  after(async () => {
    await cluster.log.close();
    await broker.dispose();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  function folder(): string {
    const made = mkdtempSync(path.join(os.tmpdir(), 'throughline-migrate-'));
    folders.push(made);
    return made;
  }

  async function migrate(
    ...options: readonly string[]
  ): Promise<{ readonly status: number | null; readonly text: string }> {
    const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main, 'migrate'];
    const child = spawn(process.execPath, [...flags, ...options]);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { status, text };
  }

  test('a data folder goes to Kafka and from there into another folder, offset for offset, with its group', async () => {
    const [first, second] = [folder(), folder()];
    const source = await openEmbeddedLog({ dataDir: path.join(first, 'log') });
    await source.admin.createTopic('kept', { partitions: 2, config: { durability: 'fsync', retentionMs: 1e12 } });
    for (let n = 0; n < 300; n++) {
      const headers = [{ key: 'n', value: utf8(String(n)) }];
      await source.append('kept', [
        { key: utf8(`k${n % 7}`), value: utf8('x'.repeat(n)), timestampMs: 1000 + n, headers },
      ]);
    }
    const expected = await textsOf(source, 'kept');
    await source.close();
    const address = `kafka://${broker.address}`;
    const there = await migrate('--from', first, '--to', address, '--topics', 'kept');
    assert.equal(there.status, 0, there.text);
    assert.deepEqual(await textsOf(cluster.log, 'kept'), expected);
    const { config } = await cluster.log.admin.describeTopic('kept');
    assert.deepEqual([config.durability, config.retentionMs], ['fsync', 1e12]);
    await cluster.commitOffsets('readers', [{ topic: 'kept', partition: 1, offset: 5n, metadata: 'm' }]);
    const back = await migrate('--from', address, '--to', second, '--topics', 'kept');
    assert.equal(back.status, 0, back.text);
    assert.match(back.text, /group readers: 1 offset committed/);
    const copy = await openEmbeddedLog({ dataDir: path.join(second, 'log') });
    assert.deepEqual(await textsOf(copy, 'kept'), expected);
    assert.equal((await copy.admin.describeTopic('kept')).config.durability, 'fsync');
    await copy.close();
  });

  test('markers and aborted records of transactions are gaps: rejected by name, filled when asked', async () => {
    await cluster.log.admin.createTopic('transacted', { partitions: 1 });
    const client = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
    const producer = client.producer({ transactionalId: 'judge', maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    for (const [value, isKept] of [
      ['kept 1', true],
      ['aborted', false],
      ['kept 2', true],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: 'transacted', messages: [{ value }, { value: `${value}, too` }] });
      await (isKept ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const kept = ['0 kept 1', '1 kept 1, too', '6 kept 2', '7 kept 2, too'];
    assert.deepEqual(await textsOf(cluster.log, 'transacted'), [kept]);

    const [from, to] = [`kafka://${broker.address}`, folder()];
    const rejected = await migrate('--from', from, '--to', to, '--topics', 'transacted');
    assert.equal(rejected.status, 1);
    assert.match(
      rejected.text,
      /transacted-0 at offset 2: the source has no record for 4 offsets; --gaps fill.*MIGRATION_REFUSED/s,
    );
    const filled = await migrate('--from', from, '--to', to, '--topics', 'transacted', '--gaps', 'fill');
    assert.equal(filled.status, 0, filled.text);
    const copy = await openEmbeddedLog({ dataDir: path.join(to, 'log') });
    assert.deepEqual(await textsOf(copy, 'transacted'), [kept]);
    assert.equal((await copy.admin.describeTopic('transacted')).partitions[0]!.highWatermark, 9n);
    await copy.close();
  });
});

/** Offset and text of each record that has one, by partition. */
async function textsOf(log: Log, topic: string): Promise<string[][]> {
  const { partitions } = await log.admin.describeTopic(topic);
  return Promise.all(
    partitions.map(async ({ partition, logStartOffset, highWatermark }) => {
      const texts: string[] = [];
      for (let offset = logStartOffset; offset < highWatermark;) {
        const found = await log.read({ topic, partition, offset });
        for (const record of found.records) {
          if (record.value !== null) texts.push(`${record.offset} ${fromUtf8(record.value)}`);
        }
        offset = found.nextOffset;
      }
      return texts;
    }),
  );
}
