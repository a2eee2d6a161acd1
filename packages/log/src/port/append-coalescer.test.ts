import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppendedBatch } from '@throughline/broker';
import { systemClock, ThroughlineError, utf8, type ProducerRecord } from '@throughline/event';
import { readBatchHeader } from '@throughline/wire';
import { AppendCoalescer } from './append-coalescer.ts';
import { embeddedLogLimitDefaults, type EmbeddedLogLimits } from '../defaults.ts';

/** A partition whose disk answers when the test says so. */
class HeldPartition {
  readonly batches: { readonly recordCount: number; readonly sizeBytes: number }[] = [];
  readonly #answers: { readonly resolve: (batch: AppendedBatch) => void; readonly reject: (error: Error) => void }[] =
    [];
  #nextOffset = 0n;

  append(batch: Uint8Array): Promise<AppendedBatch> {
    const { recordCount, sizeBytes } = readBatchHeader(batch, 0);
    this.batches.push({ recordCount, sizeBytes });
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  }

  acknowledge(): void {
    const { recordCount } = this.batches[this.batches.length - this.#answers.length]!;
    const baseOffset = this.#nextOffset;
    this.#nextOffset += BigInt(recordCount);
    const lastOffset = this.#nextOffset - 1n;
    const answer = { baseOffset, lastOffset, logAppendTimeMs: -1, logStartOffset: 0n, isDuplicate: false };
    this.#answers.shift()!.resolve(answer);
  }

  fail(error: Error): void {
    this.#answers.shift()!.reject(error);
  }

  get recordCounts(): number[] {
    return this.batches.map(({ recordCount }) => recordCount);
  }
}

function made(limits: Partial<EmbeddedLogLimits> = {}, recordBytesMax = 1_000_000) {
  const held = new HeldPartition();
  const target = Object.assign(held, { topic: 'notes', partition: 0 });
  const coalescer = new AppendCoalescer({
    target,
    clock: systemClock,
    limits: { ...embeddedLogLimitDefaults, ...limits },
  });
  const append = (...records: ProducerRecord[]) => coalescer.append(records, recordBytesMax);
  return { held, coalescer, append };
}
const record = (length = 10): ProducerRecord => ({ key: null, value: new Uint8Array(length) });
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a lone append goes out in its own turn, without a timer', async () => {
  const { held, append } = made();
  const acked = append({ key: null, value: utf8('alone') });
  const order: string[] = [];
  setImmediate(() => order.push('the next turn'));
  // Ticks of this turn: the append has gone out before anything of the next turn runs.
  while (held.batches.length === 0 && order.length === 0)
    await new Promise<void>((resolve) => process.nextTick(resolve));
  assert.deepEqual(order, []);
  held.acknowledge();
  assert.equal((await acked)[0]!.offset, 0n);
});

test('all appends of a turn are one batch, also those of callers that were resumed many promises deep', async () => {
  const { held, append } = made();
  const deep = async (depth: number): Promise<void> => {
    for (let i = 0; i < depth; i++) await Promise.resolve();
    await append(record());
  };
  const calls = Promise.all([deep(0), deep(1), deep(5), deep(50)]);
  await nextTurn();
  assert.deepEqual(held.recordCounts, [4]);
  held.acknowledge();
  await calls;
});

test('each call gets the acknowledgements of its own records', async () => {
  const { held, append } = made();
  const calls = [append(record(), record()), append({ ...record(), timestampMs: 7 }), append(record())];
  await nextTurn();
  held.acknowledge();
  const [first, second, third] = await Promise.all(calls);
  assert.deepEqual(
    first!.map(({ offset }) => offset),
    [0n, 1n],
  );
  assert.deepEqual(second, [{ partition: 0, offset: 2n, timestampMs: 7 }]);
  assert.deepEqual(
    third!.map(({ offset }) => offset),
    [3n],
  );
});

test('the next turn does not wait for the batch before it', async () => {
  const { held, append } = made();
  const first = append(record());
  await nextTurn();
  const second = append(record());
  await nextTurn();
  assert.deepEqual(held.recordCounts, [1, 1]);
  held.acknowledge();
  held.acknowledge();
  assert.deepEqual([(await first)[0]!.offset, (await second)[0]!.offset], [0n, 1n]);
});

test('a call is never divided, and a batch never grows above what the topic takes', async () => {
  const { held, append } = made({}, 1000);
  const calls = [append(record(300), record(300)), append(record(300), record(300)), append(record(100))];
  await nextTurn();
  assert.deepEqual(held.recordCounts, [2, 3]);
  assert.ok(held.batches.every(({ sizeBytes }) => sizeBytes <= 1000));
  held.acknowledge();
  held.acknowledge();
  await Promise.all(calls);
});

test('while the disk is behind, appends gather and go out together', async () => {
  const { held, append } = made({ inFlightBytesMax: 500 });
  const first = append(record(600));
  await nextTurn();
  const calls: Promise<unknown>[] = [];
  for (let turn = 0; turn < 5; turn++) {
    calls.push(append(record(20)));
    await nextTurn();
  }
  assert.deepEqual(held.recordCounts, [1]);
  held.acknowledge();
  await first;
  await nextTurn();
  assert.deepEqual(held.recordCounts, [1, 5]);
  held.acknowledge();
  await Promise.all(calls);
});

test('more than may wait is rejected with THROTTLED, and taken again once the disk has caught up', async () => {
  const { held, append } = made({ inFlightBytesMax: 100, waitingBytesMax: 1000, throttleMs: 50 });
  const first = append(record(200));
  await nextTurn();
  const second = append(record(800));
  assert.throws(
    () => append(record(300)),
    (error) => ThroughlineError.is(error, 'THROTTLED') && error.retriable && error.retryAfterMs === 50,
  );
  held.acknowledge();
  await first;
  await nextTurn();
  const third = append(record(300));
  held.acknowledge();
  await second;
  await nextTurn();
  held.acknowledge();
  await third;
  assert.deepEqual(held.recordCounts, [1, 1, 1]);
});

test('a failed batch fails the calls that were in it and no others', async () => {
  const { held, append } = made();
  const failing = [append(record()), append(record())];
  await nextTurn();
  const later = append(record());
  await nextTurn();
  held.fail(new ThroughlineError('OUT_OF_DISK', 'full'));
  held.batches.shift();
  held.acknowledge();
  for (const call of failing) await assert.rejects(call, (error) => ThroughlineError.is(error, 'OUT_OF_DISK'));
  assert.equal((await later).length, 1);
});

test('drained resolves once everything has been answered, failures included', async () => {
  const { held, coalescer, append } = made();
  await coalescer.drained();
  const failing = assert.rejects(append(record()));
  let isDrained = false;
  const drained = coalescer.drained().then(() => (isDrained = true));
  await nextTurn();
  assert.equal(isDrained, false);
  held.fail(new Error('the disk is gone'));
  await Promise.all([failing, drained]);
});

for (const code of ['INVALID_RECORD', 'INVALID_TIMESTAMP', 'RECORD_TOO_LARGE'] as const) {
  test(`a batch that the target rejects with ${code} is sent again call by call: one call's fault costs no other`, async () => {
    const { held, append } = made();
    const calls = Promise.allSettled([append(record()), append(record()), append(record())]);
    await nextTurn();
    held.fail(new ThroughlineError(code, 'one of them'));
    for (const isGood of [true, false, true]) {
      await nextTurn();
      if (isGood) held.acknowledge();
      else held.fail(new ThroughlineError(code, 'this one'));
    }
    assert.deepEqual(held.recordCounts, [3, 1, 1, 1]);
    assert.deepEqual(
      (await calls).map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });
}
