// The Log port over a network that fails: whatever is cut whenever, each acknowledged record is on the log once and in the
// order of the calls, and a tail gives every record once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createBroker } from '@throughline/broker';
import { fromUtf8, integerBetween, seededRandom, ThroughlineError, utf8 } from '@throughline/event';
import { kafka, type KafkaLogOptions, type Log } from '@throughline/log';
import { FaultyDisk, LossyDisk } from '@throughline/testkit';
import { CutProxy } from '../support/cut-proxy.ts';
import { seed } from '../support/seed.ts';

const topic = 'cut';

interface House {
  readonly log: Log;
  readonly proxy: CutProxy;
  /** Stops the broker and starts it again on its folder and port. */
  readonly restart: () => Promise<void>;
}

async function withHouse(options: Omit<KafkaLogOptions, 'bootstrap'>, act: (house: House) => Promise<void>) {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'log-kafka-faults-'));
  const proxy = new CutProxy();
  const advertisedPort = await proxy.listen();
  let broker = await createBroker({ dataDir, advertisedPort });
  const port = Number(broker.address.split(':')[1]);
  proxy.forwardTo(port);
  const log = await kafka({ bootstrap: `127.0.0.1:${advertisedPort}`, retryMinMs: 5, retryMaxMs: 50, ...options });
  const restart = async (): Promise<void> => {
    await broker.close();
    broker = await createBroker({ dataDir, advertisedPort, port });
  };
  try {
    await act({ log, proxy, restart });
  } finally {
    await log.close();
    await broker.close();
    await proxy.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

test(`answers that are lost cost no record and double none, and the order stays (SEED=${seed})`, () =>
  withHouse({}, async ({ log, proxy }) => {
    const random = seededRandom(seed);
    await log.admin.createTopic(topic, { partitions: 3 });
    const acked: { readonly text: string; readonly partition: number; readonly offset: bigint }[] = [];
    const tailed: string[] = [];
    const stop = new AbortController();
    const tailing = (async () => {
      for await (const { records } of log.tail({ topic, from: 'earliest', signal: stop.signal })) {
        for (const { value } of records) tailed.push(fromUtf8(value!));
      }
    })();
    const over = new AbortController();
    const writing = Promise.all(
      [0, 1, 2].map(async (partition) => {
        for (let n = 0; !over.signal.aborted; n++) {
          // Several calls under way at once: what waits behind a lost batch must not overtake it.
          const calls = Array.from({ length: 3 }, async (_, call) => {
            const text = `${partition}/${n}/${call}`;
            const [ack] = await log.append(topic, [{ key: null, value: utf8(text), partition }]);
            acked.push({ text, partition, offset: ack!.offset });
          });
          await Promise.all(calls);
        }
      }),
    );
    for (let round = 0; round < 25; round++) {
      await pause(integerBetween(random, 0, 15));
      if (random.float() < 0.7) proxy.swallowAnswers();
      await pause(integerBetween(random, 0, 15));
      proxy.cut();
      const { length } = acked;
      while (acked.length < length + 6) await pause(1);
    }
    over.abort();
    await writing;
    assert.ok(proxy.cutCount >= 25, `${proxy.cutCount} connections were cut`);
    assert.ok(acked.length > 50, `${acked.length} records were acknowledged`);
    for (const partition of [0, 1, 2]) {
      const texts = await textsOf(log, partition);
      const expected = acked.filter((ack) => ack.partition === partition).sort(byCall);
      assert.deepEqual(
        texts,
        expected.map(({ text }) => text),
        `partition ${partition}: all once, in order`,
      );
      for (const { text, offset } of expected) assert.equal(texts[Number(offset)], text, 'an acknowledgement is true');
    }
    while (tailed.length < acked.length) await pause(5);
    stop.abort();
    await tailing;
    assert.deepEqual([...tailed].sort(), acked.map(({ text }) => text).sort(), 'the tail gave all once');
  }));

test('a broker that starts again in the middle of appends costs no record and doubles none', () =>
  withHouse({}, async ({ log, restart }) => {
    await log.admin.createTopic(topic, { partitions: 1 });
    const calls: Promise<unknown>[] = [];
    const restarting = restart();
    for (let n = 0; n < 200; n++) {
      calls.push(log.append(topic, [{ key: null, value: utf8(String(n)) }]));
      if (n % 20 === 0) await pause(5);
    }
    await restarting;
    await Promise.all(calls);
    assert.deepEqual(
      await textsOf(log, 0),
      Array.from({ length: 200 }, (_, n) => String(n)),
    );
  }));

test('an append that is given up without an answer says so, and the partition goes on', () =>
  withHouse({ deliveryMs: 200, requestMs: 100 }, async ({ log, proxy }) => {
    await log.admin.createTopic(topic, { partitions: 1 });
    await log.append(topic, [{ key: null, value: utf8('before') }]);
    proxy.swallowAnswers();
    await assert.rejects(log.append(topic, [{ key: null, value: utf8('uncertain') }]), (error) => {
      assert.ok(ThroughlineError.is(error, 'LOG_UNREACHABLE'), String(error));
      assert.equal(error.details['outcome'], 'unknown');
      return true;
    });
    proxy.cut();
    await log.append(topic, [{ key: null, value: utf8('after') }]);
    const texts = await textsOf(log, 0);
    assert.deepEqual([texts[0], texts.at(-1)], ['before', 'after']);
    assert.ok(texts.filter((text) => text === 'uncertain').length <= 1, 'at most once');
  }));

test('a full disk and an offline partition of our own broker are told apart, and at once', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const broker = await createBroker({ dataDir: '/data', disk, journalFileBytes: 64 * 1024 });
  const log = await kafka({ bootstrap: broker.address });
  try {
    await broker.broker.createTopic(topic, { partitions: 1, config: { durability: 'os' } });
    const append = (text: string) => log.append(topic, [{ key: null, value: utf8(text) }]);
    await append('kept');
    disk.bytesFree = 10;
    await assert.rejects(append('rejected'), (error) => ThroughlineError.is(error, 'OUT_OF_DISK'));
    disk.heal();
    await append('kept again');
    disk.fail({ operation: 'write', path: `/${topic}-0/`, code: 'EIO' });
    await assert.rejects(append('lost'), (error) => ThroughlineError.is(error, 'PARTITION_OFFLINE'));
    assert.deepEqual(await textsOf(log, 0), ['kept', 'kept again']);
  } finally {
    await log.close();
    await broker.close();
  }
});

test('a cluster that nobody can reach is LOG_UNREACHABLE with its addresses', async () => {
  await assert.rejects(kafka({ bootstrap: 'kafka://127.0.0.1:1,127.0.0.1:2', retryMs: 50 }), (error) => {
    assert.ok(ThroughlineError.is(error, 'LOG_UNREACHABLE'));
    assert.match(error.message, /127\.0\.0\.1:1, 127\.0\.0\.1:2/);
    return true;
  });
});

async function textsOf(log: Log, partition: number): Promise<string[]> {
  const texts: string[] = [];
  for (let offset = 0n; ;) {
    const { records, nextOffset, highWatermark } = await log.read({ topic, partition, offset });
    for (const { value } of records) texts.push(fromUtf8(value!));
    if (nextOffset === highWatermark) return texts;
    offset = nextOffset;
  }
}

function byCall(a: { readonly text: string }, b: { readonly text: string }): number {
  const [, na, ca] = a.text.split('/').map(Number) as [number, number, number];
  const [, nb, cb] = b.text.split('/').map(Number) as [number, number, number];
  return na - nb || ca - cb;
}
