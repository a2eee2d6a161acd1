// Two processes' worth of hosts on one cluster share the partitions of a mapping, and of a queue: while both are healthy, each record calls the
// function once, also while one of them comes and goes.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { createBroker } from '@throughline/broker';
import { utf8 } from '@throughline/event';
import { createFunctionHost, type FunctionHost } from '@throughline/functions';
import { kafka } from '@throughline/log';
import { until } from './functions-harness.ts';

const partitions = 6;

interface Event {
  /** Of a mapping of a topic. */
  readonly records?: Readonly<Record<string, readonly { readonly value: string }[]>>;
  /** Of a queue. */
  readonly Records?: readonly { readonly body: string }[];
}

function valuesIn({ records = {}, Records = [] }: Event): string[] {
  const values = Object.values(records).flat();
  return [...values.map(({ value }) => Buffer.from(value, 'base64').toString()), ...Records.map(({ body }) => body)];
}

const kinds = [
  { type: 'kafka', topic: 'jobs', batchWindowMs: 0, batchSize: 5 },
  { type: 'queue', topic: 'queue.jobs', queue: 'jobs', batchSize: 5 },
] as const;

for (const { topic, ...rest } of kinds) {
  const trigger = rest.type === 'kafka' ? { ...rest, topic } : rest;
  const group = `throughline-trigger-worker-${trigger.type}-jobs`;

  test(`${trigger.type}: each record calls the function once while hosts come and go`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'throughline-shared-mappings-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const broker = await createBroker({ memory: true, config: { 'group.initial.rebalance.delay.ms': 0 } });
    t.after(() => broker.close());
    const log = await kafka({ bootstrap: broker.address });
    t.after(() => log.close());
    await log.admin.createTopic(topic, { partitions });

    const fileOf = (name: string): string => path.join(folder, name);
    const open = (name: string): FunctionHost => {
      const host = createFunctionHost({
        log,
        bootstrapServers: broker.address,
        member: { heartbeatMs: 50 },
        functions: [
          {
            name: 'worker',
            entry: path.join(import.meta.dirname, '../support/mapped/worker.ts'),
            env: { INVOCATIONS_FILE: fileOf(name) },
            triggers: [trigger],
          },
        ],
      });
      t.after(() => host.close());
      return host;
    };
    const valuesOf = (name: string): string[] => {
      if (!existsSync(fileOf(name))) return [];
      const lines = readFileSync(fileOf(name), 'utf8').split('\n').slice(0, -1);
      return lines.flatMap((line) => {
        const { event } = JSON.parse(line) as { event: Event };
        return valuesIn(event);
      });
    };
    const produced: string[] = [];
    const produce = async (count: number): Promise<void> => {
      const values = Array.from({ length: count }, (_, index) => `v${produced.length + index}`);
      produced.push(...values);
      await log.append(
        topic,
        values.map((value) => ({ key: utf8(value), value: utf8(value) })),
      );
    };
    const isDone = async (): Promise<boolean> => {
      const all = (await log.admin.describeTopic(topic)).partitions;
      const committed = await log.admin.committedOffsets(group);
      return all.every(({ partition, highWatermark }) =>
        committed.some((one) => one.partition === partition && one.offset === highWatermark),
      );
    };

    const first = open('first');
    await produce(60);
    await until(() => valuesOf('first').length > 0, 'the first has begun');
    open('second');
    await produce(60);
    await until(async () => {
      await produce(6);
      return valuesOf('second').length > 0;
    }, 'the second has its share');
    await produce(60);
    await first.close();
    await produce(60);
    await until(isDone, 'all is done');
    const seen = [...valuesOf('first'), ...valuesOf('second')];
    assert.deepEqual(seen.toSorted(), produced.toSorted());
  });
}
