// A bus on a log in memory: which events are handed over, as what, how often, and what is no event.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBridgeSchema } from '@aws-lambda-powertools/parser/schemas';
import { seededRandom, silentLogger, ThroughlineError, utf8 } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import type { AsyncEvent, TriggeredFunction, TriggerServices } from '../trigger.ts';
import { busKind } from './bus.ts';

interface Closable {
  close(): Promise<void>;
}

function bench(test: { after(action: () => Promise<void>): void }) {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  const kept: AsyncEvent[] = [];
  const state = { problem: undefined as ThroughlineError | undefined };
  const services: TriggerServices = {
    log,
    bootstrapServers: '',
    member: {},
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    stateDir: '',
    newId: () => '0',
    async accept(event) {
      if (state.problem !== undefined) throw state.problem;
      kept.push(event);
    },
  };
  const closed = async (trigger: Closable): Promise<void> => {
    const closing = trigger.close();
    await clock.advance(10_000);
    await closing;
  };
  const start = async (config: object = {}) => {
    const target = { name: 'hello' } as TriggeredFunction;
    const trigger = busKind.start(busKind.read({ type: 'bus', ...config }, 'triggers[0]'), target, services);
    test.after(() => closed(trigger));
    await clock.settle();
    return trigger;
  };
  const put = async (...values: readonly (object | string)[]): Promise<void> => {
    const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
    await log.append(
      'bus.default',
      texts.map((text) => ({ key: null, value: utf8(text) })),
    );
    await clock.settle();
  };
  const events = (): Record<string, unknown>[] => kept.map(({ event }) => JSON.parse(event) as Record<string, unknown>);
  return { clock, log, kept, state, start, closed, put, events };
}

const order = (total: number) => ({ source: 'shop', 'detail-type': 'order', detail: { total } });

test('events that match are handed over in the shape of EventBridge, each with an id of its own', async (t) => {
  const { start, put, kept, events } = bench(t);
  await start({ pattern: { source: ['shop'], detail: { total: [{ numeric: ['>', 10] }] } } });
  await put(order(5), order(20), { Source: 'shop', DetailType: 'order', Detail: '{"total":30}', Resources: ['r'] });
  await put({ ...order(40), source: 'other' }, { ...order(50), id: 'mine', time: '2026-01-01T00:00:00Z' });
  assert.deepEqual(
    events().map(({ detail }) => detail),
    [{ total: 20 }, { total: 30 }, { total: 50 }],
  );
  for (const event of events()) EventBridgeSchema.parse(event);
  assert.deepEqual([events()[2]?.['id'], events()[2]?.['time']], ['mine', '2026-01-01T00:00:00Z']);
  assert.equal(new Set(kept.map(({ id }) => id)).size, 3);
  assert.equal(kept[0]?.origin, 'bus default');
});

test('what is no event is passed, counted and named in the status, and holds up nothing', async (t) => {
  const { start, put, kept } = bench(t);
  const trigger = await start();
  assert.equal(trigger.status().problem, undefined);
  await put('text', '[]', '{"source":"shop"}', { ...order(1), detail: 'text' }, '['.repeat(100_000), order(1));
  assert.equal(kept.length, 1);
  assert.match(trigger.status().problem?.message ?? '', /^5 records/);
});

test('an event that cannot be kept is handed over until it is, and the next start goes on where this one has ended', async (t) => {
  const { clock, start, closed, put, kept, state } = bench(t);
  const trigger = await start();
  state.problem = new ThroughlineError('OUT_OF_DISK', 'full');
  await put(order(1), order(2));
  assert.equal(trigger.status().problem?.code, 'OUT_OF_DISK');
  state.problem = undefined;
  await clock.advance(60_000);
  assert.equal(kept.length, 2);
  await closed(trigger);
  await put(order(3));
  await start();
  assert.equal(kept.length, 3);
});

test('an event that is too large for a function is passed, named, and holds up nothing', async (t) => {
  const { clock, start, put, kept, state } = bench(t);
  const trigger = await start();
  state.problem = new ThroughlineError('BODY_TOO_LARGE', 'too large');
  await put(order(1));
  state.problem = undefined;
  await put(order(2));
  await clock.advance(60_000);
  assert.equal(kept.length, 1);
  assert.match(trigger.status().problem?.message ?? '', /^1 records/);
});

test('a rule hears what comes after it was made, and two rules of a function both call it', async (t) => {
  const { log, start, put, kept } = bench(t);
  await log.admin.createTopic('bus.default', { partitions: 1 });
  await put(order(1));
  await start();
  await start({ pattern: { source: ['shop'] } });
  assert.equal(kept.length, 0);
  await put(order(2));
  assert.equal(kept.length, 2);
  assert.notEqual(kept[0]?.id, kept[1]?.id);
});

test('a pattern that is none and names that no bus has are rejected', () => {
  for (const config of [{ pattern: { a: 'x' } }, { bus: 'a b' }, { buss: 'default' }]) {
    assert.throws(
      () => busKind.read({ type: 'bus', ...config }, 'triggers[0]'),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
    );
  }
});
