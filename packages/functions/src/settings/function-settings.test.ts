// Settings that AWS's API makes: every process on the log has them, also after a restart, until they are removed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, utf8, type Logger } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { functionSettingsTopic } from '../defaults.ts';
import { FunctionSettings, type EventInvokeSetting } from './function-settings.ts';

interface Opening {
  readonly logger?: Logger;
  readonly configured?: ReadonlyMap<string, EventInvokeSetting>;
}

function bench(t: { after(action: () => Promise<void>): void }) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const log = new MemoryLog(clock);
  const open = ({ logger = silentLogger, configured = new Map() }: Opening = {}): FunctionSettings => {
    const settings = new FunctionSettings({ log, configured, clock, logger });
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
  await first.putEventInvoke('worker', { maximumRetryAttempts: 1, onFailure: queue });
  const setting = { maximumRetryAttempts: 1, onFailure: queue, changedMs: clock.nowMs() };
  assert.deepEqual(first.eventInvoke('worker'), setting);
  // The other one had looked for the topic before it was made.
  await clock.advance(6000);
  assert.deepEqual(second.eventInvoke('worker'), setting);
  const third = open();
  await third.ready;
  assert.deepEqual(third.eventInvoke('worker'), setting);
  assert.equal(third.eventInvoke('other'), undefined);
  await second.putEventInvoke('worker', null);
  await clock.settle();
  for (const settings of [first, second, third]) assert.equal(settings.eventInvoke('worker'), undefined);
});

test('what the configuration says is in force where nothing else was said, and again when that is removed', async (t) => {
  const { open } = bench(t);
  const said = { changedMs: 1, maximumEventAgeSeconds: 60 };
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) };
  const settings = open({ logger, configured: new Map([['worker', said]]) });
  assert.deepEqual(await settings.currentEventInvoke('worker'), said);
  await settings.putEventInvoke('worker', { maximumRetryAttempts: 0 });
  assert.equal((await settings.currentEventInvoke('worker'))?.maximumEventAgeSeconds, undefined);
  assert.deepEqual(warnings, [{ function: 'worker', topic: functionSettingsTopic }]);
  await settings.putEventInvoke('worker', null);
  assert.deepEqual(await settings.currentEventInvoke('worker'), said);
});

test('what is no setting is skipped, and what stood before holds', async (t) => {
  const { clock, log, open } = bench(t);
  const settings = open();
  await settings.putEventInvoke('worker', { maximumRetryAttempts: 1 });
  const strange: readonly [string, string][] = [
    ['worker/event-invoke', '{"changedMs":1,"maximumRetryAttempts":"2"}'],
    ['worker/event-invoke', 'null'],
    ['worker/event-invoke', '{'],
    ['worker/other', '{"changedMs":1,"maximumRetryAttempts":2}'],
    ['worker', '{"changedMs":1,"maximumRetryAttempts":2}'],
  ];
  await log.append(
    functionSettingsTopic,
    strange.map(([key, value]) => ({ key: utf8(key), value: utf8(value) })),
  );
  await clock.settle();
  assert.equal((await settings.currentEventInvoke('worker'))?.maximumRetryAttempts, 1);
});

test('it is ready when it is closed before the log could be read', async (t) => {
  const { log, open } = bench(t);
  await log.close();
  const settings = open();
  await settings.close();
  await settings.ready;
});
