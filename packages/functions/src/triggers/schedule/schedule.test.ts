// A schedule on a clock that a test moves, puts forward and puts back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBridgeSchema } from '@aws-lambda-powertools/parser/schemas';
import { silentLogger, ThroughlineError, type Clock } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import type { AsyncEvent, TriggeredFunction } from '../trigger.ts';
import { scheduleKind } from './schedule.ts';

const startMs = Date.UTC(2026, 11, 1, 10, 0, 30);

function scheduled(config: object) {
  const virtual = new VirtualClock(startMs);
  const state = { jumpMs: 0, problem: undefined as ThroughlineError | undefined };
  const clock: Clock = {
    nowMs: () => virtual.nowMs() + state.jumpMs,
    monotonicMs: () => virtual.monotonicMs(),
    after: (delayMs, action) => virtual.after(delayMs, action),
  };
  const kept: AsyncEvent[] = [];
  const trigger = scheduleKind.start(
    scheduleKind.read({ type: 'schedule', ...config }, 'triggers[0]'),
    { name: 'hello' } as TriggeredFunction,
    {
      log: new MemoryLog(),
      bootstrapServers: '',
      member: {},
      clock,
      random: { float: () => 0.5, bytes: (count) => new Uint8Array(count) },
      logger: silentLogger,
      stateDir: '',
      newId: () => 'id',
      async accept(event) {
        if (state.problem !== undefined) throw state.problem;
        kept.push(event);
      },
    },
  );
  const times = (): string[] => kept.map(({ event }) => (JSON.parse(event) as { time: string }).time.slice(11, 16));
  return { virtual, state, kept, trigger, times };
}

test('each time is handed over once, with an id of its own and an event of AWS', async () => {
  const { virtual, kept, times, trigger } = scheduled({ expression: 'rate(1 minute)' });
  await virtual.advance(29_000);
  assert.equal(kept.length, 0);
  await virtual.advance(151_000);
  assert.deepEqual(times(), ['10:01', '10:02', '10:03']);
  assert.equal(new Set(kept.map(({ id }) => id)).size, 3);
  for (const { event, origin } of kept) {
    EventBridgeSchema.parse(JSON.parse(event));
    assert.equal(origin, 'schedule rate(1 minute)');
  }
  await trigger.close();
  await virtual.advance(120_000);
  assert.equal(kept.length, 3);
});

test('two servers give one time one id, and two schedules two', async () => {
  const [one, other, third] = [
    scheduled({ expression: 'rate(1 minute)' }),
    scheduled({ expression: 'rate(1 minute)' }),
    scheduled({ expression: 'rate(1 minute)', input: { a: 1 } }),
  ];
  for (const { virtual } of [one, other, third]) await virtual.advance(60_000);
  assert.equal(one.kept[0]?.id, other.kept[0]?.id);
  assert.notEqual(one.kept[0]?.id, third.kept[0]?.id);
  const elsewhere = scheduled({ expression: 'rate(1 minute)', timezone: 'Europe/Berlin' });
  await elsewhere.virtual.advance(60_000);
  assert.notEqual(one.kept[0]?.id, elsewhere.kept[0]?.id);
  assert.equal(third.kept[0]?.event, '{"a":1}');
});

test('a clock that is put forward calls once, and after it was put back its times are called as they come', async () => {
  const { virtual, state, kept, times } = scheduled({ expression: 'rate(1 minute)' });
  await virtual.advance(60_000);
  state.jumpMs = 3 * 3_600_000;
  await virtual.advance(60_000);
  assert.deepEqual(times().slice(0, 2), ['10:01', '10:02']);
  assert.ok(times().length <= 3, times().join());
  state.jumpMs = -60_000;
  await virtual.advance(120_000);
  assert.ok(times().includes('10:03'), times().join());
  assert.equal(new Set(kept.map(({ id }) => id)).size, new Set(times()).size);
});

test('a call that cannot be kept is handed over until it is, and the status says why not', async () => {
  const { virtual, state, kept, times, trigger } = scheduled({ expression: 'rate(1 hour)' });
  state.problem = new ThroughlineError('OUT_OF_DISK', 'full');
  await virtual.advance(3_600_000);
  assert.equal(trigger.status().problem?.code, 'OUT_OF_DISK');
  state.problem = undefined;
  await virtual.advance(60_000);
  assert.deepEqual(times(), ['11:00']);
  assert.equal(trigger.status().problem, undefined);
  assert.equal(kept.length, 1);
});

test('a time that has passed calls nobody', async () => {
  const { virtual, kept, trigger } = scheduled({ expression: 'at(2026-12-01T10:00:00)' });
  await virtual.advance(3_600_000);
  assert.equal(kept.length, 0);
  await trigger.close();
});

test('fields that a schedule does not have are rejected', () => {
  assert.throws(
    () => scheduleKind.read({ type: 'schedule', expression: 'rate(1 minute)', timeZone: 'UTC' }, 'triggers[0]'),
    (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
  );
});
