// Random operations on an adapter and on the model side by side: whatever is done in whatever order, both must show the
// same. fast-check prints seed and path of a failure and shrinks it to the shortest history that still fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8, type ProducerRecord } from '@throughline/event';
import type { Log, TopicConfig } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import * as fc from 'fast-check';
import { plain, readAll, type LogUnderTest } from './log-support.ts';

const topic = `model-${process.pid.toString(36)}-${Date.now().toString(36)}`;
const partitionCount = 3;

const anyRecord: fc.Arbitrary<ProducerRecord> = fc.record(
  {
    key: fc.option(fc.constantFrom('a', 'b', 'c', 'd').map(utf8), { nil: null }),
    value: fc.option(
      fc.integer({ min: 0, max: 3000 }).map((length) => new Uint8Array(length).fill(length)),
      { nil: null },
    ),
    headers: fc.array(
      fc.record({ key: fc.constantFrom('x', 'y'), value: fc.constant(null) }, { noNullPrototype: true }),
      {
        maxLength: 2,
      },
    ),
    timestampMs: fc.nat(1000),
  },
  { noNullPrototype: true },
);

type Operation =
  | { readonly kind: 'append'; readonly calls: readonly ProducerRecord[][] }
  | { readonly kind: 'read'; readonly partition: number; readonly at: number; readonly bytesMax: number }
  | { readonly kind: 'time'; readonly partition: number; readonly timestampMs: number }
  | { readonly kind: 'tail'; readonly offsets: readonly number[] }
  | { readonly kind: 'reopen' };

const partition = fc.nat(partitionCount - 1);
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      // Calls of one turn: they are coalesced.
      calls: fc.array(fc.array(anyRecord, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('read' as const), partition, at: fc.nat(), bytesMax: fc.nat(20_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), partition, timestampMs: fc.nat(1010) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('tail' as const),
      offsets: fc.array(fc.nat(), { minLength: partitionCount, maxLength: partitionCount }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

/** Settings by which even short histories roll segments and meet the bound of a batch, where the log takes them. */
export const smallSegments = { segmentBytes: 16_384, recordBytesMax: 15_000 } as const;

/** Registers the model test for one adapter. */
export function logModel(
  name: string,
  makeLog: () => Promise<LogUnderTest>,
  config: Partial<TopicConfig>,
  numRuns: number,
): void {
  test(`${name}: after any history it shows what the model shows`, async () => {
    let made = await makeLog();
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(anyOperation, { minLength: 1, maxLength: 25 }), async (history) => {
          const model = new MemoryLog();
          for (const log of [model, made.log]) {
            await log.admin.createTopic(topic, {
              partitions: partitionCount,
              config: { recordBytesMax: 15_000, ...config },
            });
          }
          try {
            for (const operation of history) {
              if (operation.kind === 'reopen' && made.reopen !== undefined) {
                await made.log.close();
                made = await made.reopen();
              }
              await compare(made.log, model, operation);
            }
            for (let index = 0; index < partitionCount; index++) {
              assert.deepEqual(plain(await readAll(made.log, topic, index)), plain(await readAll(model, topic, index)));
            }
          } finally {
            await made.log.admin.deleteTopic(topic);
          }
        }),
        { numRuns },
      );
    } finally {
      await made.log.close();
      await made.dispose();
    }
  });
}

async function compare(log: Log, model: Log, operation: Operation): Promise<void> {
  switch (operation.kind) {
    case 'append': {
      const expected = operation.calls.map((records) => model.append(topic, records));
      const found = operation.calls.map((records) => log.append(topic, records));
      assert.deepEqual(await Promise.all(found), await Promise.all(expected));
      return;
    }
    case 'read': {
      const { partition, at, bytesMax } = operation;
      const { highWatermark } = await model.read({ topic, partition, offset: 0n });
      const offset = BigInt(at) % (highWatermark + 1n);
      const found = await log.read({ topic, partition, offset, bytesMax });
      assert.equal(found.highWatermark, highWatermark);
      assert.equal(found.records.length > 0, offset < highWatermark);
      assert.equal(found.nextOffset, offset + BigInt(found.records.length));
      const all = plain(await readAll(model, topic, partition));
      assert.deepEqual(plain(found.records), all.slice(Number(offset), Number(found.nextOffset)));
      return;
    }
    case 'time': {
      const { partition, timestampMs } = operation;
      assert.equal(
        await log.admin.offsetForTime(topic, partition, timestampMs),
        await model.admin.offsetForTime(topic, partition, timestampMs),
      );
      return;
    }
    case 'tail': {
      const { partitions } = await model.admin.describeTopic(topic);
      const offsets = partitions.map(
        ({ highWatermark }, index) => BigInt(operation.offsets[index]!) % (highWatermark + 1n),
      );
      let missing = partitions.reduce(
        (sum, { highWatermark }, index) => sum + Number(highWatermark - offsets[index]!),
        0,
      );
      if (missing === 0) return;
      const next = [...offsets];
      for await (const step of log.tail({ topic, from: { offsets }, bytesMax: 4000 })) {
        for (const { offset } of step.records) assert.equal(offset, next[step.partition]!++);
        missing -= step.records.length;
        if (missing <= 0) break;
      }
      assert.equal(missing, 0);
      return;
    }
    case 'reopen':
      return;
  }
}
