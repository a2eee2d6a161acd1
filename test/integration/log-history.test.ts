// A log whose history changes under its readers (KIP-320): a broker that comes back with an older copy of its folder, as after
// an unclean leader election or a restored backup, and then takes other records at the same offsets.
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { fromUtf8, utf8 } from '@throughline/event';
import { kafka, openEmbeddedLog, type Log } from '@throughline/log';
import { rejected } from '../conformance/log-support.ts';

const topic = 'notes';

async function append(log: Log, ...values: readonly string[]): Promise<void> {
  for (const value of values) await log.append(topic, [{ key: null, value: utf8(value) }]);
}

/** A folder with a log of two records, and a copy of it that was taken while it was open. */
async function folders(t: TestContext): Promise<{ readonly dataDir: string; readonly copy: string }> {
  const root = await mkdtemp(path.join(tmpdir(), 'log-history-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const dataDir = path.join(root, 'data');
  const copy = path.join(root, 'copy');
  const log = await openEmbeddedLog({ dataDir });
  await log.admin.createTopic(topic, { partitions: 1, config: { durability: 'os' } });
  await append(log, 'a', 'b');
  await cp(dataDir, copy, { recursive: true });
  await log.close();
  return { dataDir, copy };
}

test('a tail on a cluster that comes back with another history ends, and never shows a record of it', async (t) => {
  const { dataDir, copy } = await folders(t);
  let broker: RunningBroker = await createBroker({ dataDir });
  t.after(() => broker.close());
  const log = await kafka({ bootstrap: broker.address });
  t.after(() => log.close());
  await append(log, 'c', 'd');
  const steps = log.tail({ topic, from: 'earliest' })[Symbol.asyncIterator]();
  const seen: string[] = [];
  let mark = { offset: 0n, lastEpoch: -1 };
  while (seen.length < 4) {
    const { value: step } = await steps.next();
    seen.push(...step!.records.map(({ value }: { readonly value: Uint8Array }) => fromUtf8(value)));
    mark = { offset: step!.nextOffset, lastEpoch: step!.lastEpoch };
  }
  assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
  const next = steps.next();
  // Its failure is met below.
  next.catch(() => {});
  const port = Number(broker.address.split(':')[1]);
  await broker.close();
  broker = await createBroker({ dataDir: copy, port });
  const other = await kafka({ bootstrap: broker.address });
  t.after(() => other.close());
  await append(other, 'C', 'D', 'E');

  const error = await rejected(next, 'LOG_DIVERGED');
  assert.deepEqual([error.details['divergesAt'], error.details['offset']], ['2', '4']);
  // Whoever keeps the mark and comes back later learns it as well.
  const again = await rejected(other.read({ topic, partition: 0, ...mark }), 'LOG_DIVERGED');
  assert.equal(again.details['divergesAt'], '2');
  const from = { offsets: [mark.offset], lastEpochs: [mark.lastEpoch] };
  await rejected(other.tail({ topic, from })[Symbol.asyncIterator]().next(), 'LOG_DIVERGED');
  // What both have in common can be read on from.
  const { records } = await other.read({ topic, partition: 0, offset: 2n, lastEpoch: mark.lastEpoch });
  assert.deepEqual(
    records.map(({ value }) => fromUtf8(value!)),
    ['C', 'D', 'E'],
  );
});

test('a broker that was killed and has everything keeps its readers, in a new epoch', async (t) => {
  const { copy } = await folders(t);
  let broker: RunningBroker = await createBroker({ dataDir: copy });
  t.after(() => broker.close());
  const log = await kafka({ bootstrap: broker.address });
  t.after(() => log.close());
  const before = (await log.admin.describeTopic(topic)).partitions[0]!.leaderEpoch;
  const steps = log.tail({ topic, from: 'earliest' })[Symbol.asyncIterator]();
  await steps.next();
  const next = steps.next();
  const killed = `${copy}-killed`;
  await cp(copy, killed, { recursive: true });
  const port = Number(broker.address.split(':')[1]);
  await broker.close();
  broker = await createBroker({ dataDir: killed, port });
  await append(log, 'c');
  let { value: step } = await next;
  if (step!.records[0]!.offset < 2n) ({ value: step } = await steps.next());
  assert.equal(fromUtf8(step!.records.at(-1)!.value), 'c');
  assert.equal(step!.lastEpoch, before + 1);
  await steps.return?.();
});

test('an embedded log that is put back from a copy tells whoever has read further', async (t) => {
  const { dataDir, copy } = await folders(t);
  const first = await openEmbeddedLog({ dataDir });
  await append(first, 'c');
  const { nextOffset, lastEpoch } = await first.read({ topic, partition: 0, offset: 0n });
  assert.equal(nextOffset, 3n);
  await first.close();
  const log = await openEmbeddedLog({ dataDir: copy });
  t.after(() => log.close());
  await append(log, 'C', 'D');
  const from = { offsets: [nextOffset], lastEpochs: [lastEpoch] };
  const error = await rejected(log.tail({ topic, from })[Symbol.asyncIterator]().next(), 'LOG_DIVERGED');
  assert.equal(error.details['divergesAt'], '2');
});
