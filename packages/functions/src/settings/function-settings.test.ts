// Settings that AWS's API makes: every process on the log has them, also after a restart, until they are removed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, utf8, type Logger } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { functionSettingsTopic } from '../defaults.ts';
import { FunctionSettings, type ConfiguredSettings } from './function-settings.ts';

interface Opening {
  readonly logger?: Logger;
  readonly onConcurrency?: (functionName: string) => void;
  readonly configured?: ReadonlyMap<string, ConfiguredSettings>;
}

function bench(t: { after(action: () => Promise<void>): void }) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const log = new MemoryLog(clock);
  const open = (opening: Opening = {}): FunctionSettings => {
    const settings = new FunctionSettings({ log, configured: new Map(), clock, logger: silentLogger, ...opening });
    t.after(() => settings.close());
    return settings;
  };
  return { clock, log, open };
}

const queue = { to: 'queue:q', said: 'arn:aws:sqs:eu-central-1:1:q' };

test('a setting holds here at once, in every other process, and after a restart, until it is removed', async (t) => {
  const { clock, open } = bench(t);
  const first = open();
  const second = open();
  await first.put('worker', { kind: 'event-invoke', setting: { maximumRetryAttempts: 1, onFailure: queue } });
  const setting = { maximumRetryAttempts: 1, onFailure: queue, changedMs: clock.nowMs() };
  assert.deepEqual(first.eventInvoke('worker'), setting);
  // The other one had looked for the topic before it was made.
  await clock.advance(6000);
  assert.deepEqual(second.eventInvoke('worker'), setting);
  const third = open();
  await third.ready;
  assert.deepEqual(third.eventInvoke('worker'), setting);
  assert.equal(third.eventInvoke('other'), undefined);
  await second.put('worker', { kind: 'event-invoke', setting: null });
  await clock.settle();
  for (const settings of [first, second, third]) assert.equal(settings.eventInvoke('worker'), undefined);
});

test('where it replaces what the configuration says, the log says so', async (t) => {
  const { open } = bench(t);
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) };
  const said = { eventInvoke: undefined, reservedConcurrency: 3, provisionedConcurrency: undefined };
  const settings = open({ logger, configured: new Map([['worker', said]]) });
  await settings.put('worker', { kind: 'provisioned-concurrency', setting: { count: 1 } });
  assert.deepEqual(warnings, []);
  await settings.put('worker', { kind: 'reserved-concurrency', setting: { count: 5 } });
  assert.deepEqual(warnings, [{ function: 'worker', kind: 'reserved-concurrency', topic: functionSettingsTopic }]);
  assert.deepEqual(settings.configured('worker'), said);
});

test('numbers of concurrency are told when they change, each by itself', async (t) => {
  const { clock, open } = bench(t);
  const told: string[] = [];
  const settings = open({ onConcurrency: (name) => told.push(name) });
  await settings.put('worker', { kind: 'reserved-concurrency', setting: { count: 0 } });
  await settings.put('worker', { kind: 'provisioned-concurrency', setting: { count: 2 } });
  assert.deepEqual([settings.reserved('worker')?.count, settings.provisioned('worker')?.count], [0, 2]);
  await settings.put('worker', { kind: 'reserved-concurrency', setting: null });
  await settings.put('other', { kind: 'event-invoke', setting: { maximumRetryAttempts: 1 } });
  assert.deepEqual([settings.reserved('worker'), settings.provisioned('worker')?.count], [undefined, 2]);
  assert.deepEqual(told, ['worker', 'worker', 'worker']);
  const next = open();
  await clock.settle();
  assert.equal(next.provisioned('worker')?.count, 2);
});

test('what is no setting is skipped, and what stood before holds', async (t) => {
  const { clock, log, open } = bench(t);
  const settings = open();
  await settings.put('worker', { kind: 'event-invoke', setting: { maximumRetryAttempts: 1 } });
  const strange: readonly [string, string | null][] = [
    ['worker/event-invoke', '{"changedMs":1,"maximumRetryAttempts":"2"}'],
    ['worker/event-invoke', 'null'],
    ['worker/event-invoke', '{'],
    ['worker/other', '{"changedMs":1,"maximumRetryAttempts":2}'],
    ['worker/reserved-concurrency', '{"changedMs":1,"count":-1}'],
    ['worker/provisioned-concurrency', '{"changedMs":1,"count":1000000}'],
    ['worker/event-invoke', '{"changedMs":1,"maximumRetryAttempts":1000000}'],
    ['worker/event-invoke', '{"changedMs":1,"maximumEventAgeSeconds":1}'],
    ['worker', '{"changedMs":1,"maximumRetryAttempts":2}'],
    ['worker', null],
    ['other/event-invoke', null],
  ];
  await log.append(
    functionSettingsTopic,
    strange.map(([key, value]) => ({ key: utf8(key), value: value === null ? null : utf8(value) })),
  );
  await clock.settle();
  await settings.caughtUp();
  assert.equal(settings.eventInvoke('worker')?.maximumRetryAttempts, 1);
  assert.deepEqual([settings.reserved('worker'), settings.provisioned('worker')], [undefined, undefined]);
});

test('it is ready when it is closed before the log could be read', async (t) => {
  const { log, open } = bench(t);
  await log.close();
  const settings = open();
  await settings.close();
  await settings.ready;
});
