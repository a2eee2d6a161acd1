// What a function's settings say about its processes: how many invocations run at once, how many processes are kept, whether idle
// ones are frozen, and what they are told in secret.
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { fromUtf8 } from '@throughline/event';
import { freezeDelayMs } from '../defaults.ts';
import { open } from './test-support.ts';

test('an idle process is frozen a moment later, and goes on with the next invocation', async () => {
  const { clock, machine, invoker, invoke } = open({ isFrozenWhenIdle: true });
  const state = (): string | undefined => invoker.status().environments[0]?.state;
  const first = invoke();
  const process = machine.last();
  process.says('ready');
  process.says('returned', 1, 'null');
  await first.settled;
  assert.equal(state(), 'idle');
  await clock.advance(freezeDelayMs - 1);
  assert.deepEqual([state(), process.signals], ['idle', []]);
  await clock.advance(1);
  assert.deepEqual([state(), process.signals], ['frozen', ['SIGSTOP']]);
  const second = invoke();
  assert.deepEqual([state(), process.signals], ['busy', ['SIGSTOP', 'SIGCONT']]);
  process.says('returned', 2, 'null');
  await second.settled;
  // One that follows in time finds it awake, and puts off its sleep.
  await clock.advance(freezeDelayMs - 1);
  const third = invoke();
  process.says('returned', 3, 'null');
  await third.settled;
  await clock.advance(freezeDelayMs - 1);
  assert.deepEqual(process.signals, ['SIGSTOP', 'SIGCONT']);
  await clock.advance(freezeDelayMs);
  assert.deepEqual(process.signals, ['SIGSTOP', 'SIGCONT', 'SIGSTOP']);
  await invoker.close();
});

test('a spare is frozen once it is loaded, a busy process never, and one that is to end is woken for it', async () => {
  const { clock, machine, invoker, invoke } = open({ isFrozenWhenIdle: true, spareCount: 1, idleMs: 1000 });
  const [process] = machine.processes;
  process!.says('ready');
  await clock.advance(freezeDelayMs);
  assert.deepEqual(process!.signals, ['SIGSTOP']);
  const { settled } = invoke();
  await clock.advance(freezeDelayMs * 10);
  assert.deepEqual(process!.signals, ['SIGSTOP', 'SIGCONT']);
  process!.says('returned', 1, 'null');
  await settled;
  await clock.advance(999);
  assert.deepEqual(process!.signals, ['SIGSTOP', 'SIGCONT', 'SIGSTOP']);
  await clock.advance(1001);
  assert.deepEqual(process!.signals, ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT']);
  await invoker.close();
});

test('a shell hears of each process, so that a frozen one does not outlive its supervisor; without it nothing is frozen', async () => {
  const { clock, machine, invoker, invoke } = open({ isFrozenWhenIdle: true });
  const run = async (): Promise<void> => {
    const { settled } = invoke();
    const process = machine.last();
    if (process.signals.length === 0) process.says('ready');
    process.says('returned', process.invoked.length, 'null');
    await settled;
    await clock.advance(freezeDelayMs);
  };
  await run();
  const [shell] = machine.shells;
  const { pid } = machine.last();
  assert.equal(fromUtf8(shell!.stdin.read() as Uint8Array), `+ ${pid}\n`);
  machine.last().ends('SIGKILL');
  await nextTurn();
  assert.equal(fromUtf8(shell!.stdin.read() as Uint8Array), `- ${pid}\n`);
  shell!.ends('SIGKILL');
  await run();
  assert.deepEqual(machine.last().signals, []);
  await invoker.close();
});

test('what an invocation leaves behind stands in its log', async () => {
  const { machine, invoker, invoke } = open({ isFrozenWhenIdle: true });
  const { settled } = invoke();
  machine.last().says('ready');
  machine.last().says('leaked', 1, [['Timeout', 2]]);
  machine.last().says('returned', 1, 'null');
  const { metering } = await settled;
  const lines = await metering.logLines;
  assert.match(lines.join('\n'), /leaves work behind, which stands still while the process is frozen: Timeout \(2\)/);
  assert.equal(machine.last().variables['THROUGHLINE_REPORTS_LEAKS'], '1');
  await invoker.close();
});

test('reservedConcurrency: whoever waits for the answer is throttled beyond it, all others wait, and 0 lets nobody in', async () => {
  const { machine, invoker, invoke } = open({ reservedConcurrency: 2 });
  const running = [invoke(), invoke()];
  const waiting = invoke();
  assert.equal(machine.processes.length, 2);
  const { error } = await invoke({ isThrottledAtOnce: true }).settled;
  assert.deepEqual(
    [error?.code, error?.errorType, error?.isReservedUp, error?.isRetriable],
    ['THROTTLED', 'TooManyRequestsException', true, true],
  );
  for (const process of machine.processes) {
    process.says('ready');
    process.says('returned', 1, 'null');
  }
  await Promise.all(running.map(({ settled }) => settled));
  await nextTurn();
  const process = machine.processes.find(({ invoked }) => invoked.length === 2);
  process!.says('returned', 2, '"waited"');
  assert.equal((await waiting.settled).value, '"waited"');
  await invoker.close();

  const none = open({ reservedConcurrency: 0 });
  assert.equal((await none.invoke().settled).error?.code, 'THROTTLED');
  assert.equal(none.machine.processes.length, 0);
  await none.invoker.close();
});

test('provisionedConcurrency keeps so many processes loaded, replaces those that die, and stops none for being idle', async () => {
  const { clock, machine, invoker, invoke } = open({ provisionedConcurrency: 3, idleMs: 1000 });
  assert.equal(machine.processes.length, 3);
  assert.equal(machine.last().variables['AWS_LAMBDA_INITIALIZATION_TYPE'], 'provisioned-concurrency');
  for (const process of machine.processes) process.says('ready');
  await nextTurn();
  const { settled } = invoke();
  machine.processes.find(({ invoked }) => invoked.length === 1)!.says('returned', 1, 'null');
  assert.equal((await settled).metering.isCold, false);
  await clock.advance(5000);
  assert.equal(invoker.status().environments.length, 3);
  machine.last().ends('SIGKILL');
  await nextTurn();
  await clock.advance(5000);
  assert.equal(invoker.status().environments.length, 3);
  assert.equal(machine.processes.length, 4);
  await invoker.close();
});

test('other numbers hold at once: what waits begins, what is missing is loaded, and unused processes beyond them are stopped', async () => {
  const { machine, invoker, invoke } = open({ reservedConcurrency: 1, provisionedConcurrency: 2 });
  const say = (numbers: { readonly reservedConcurrency?: number; readonly provisionedConcurrency?: number }): void => {
    Object.assign(invoker.config, numbers);
    invoker.concurrencyChanged();
  };
  for (const process of machine.processes) process.says('ready');
  await nextTurn();
  const calls = [invoke(), invoke()];
  const begun = (): number => machine.processes.reduce((sum, { invoked }) => sum + invoked.length, 0);
  assert.equal(begun(), 1);
  say({ reservedConcurrency: 2 });
  assert.equal(begun(), 2);
  say({ provisionedConcurrency: 4 });
  assert.equal(machine.processes.length, 4);
  say({ provisionedConcurrency: 0 });
  for (let turn = 0; turn < 10 && invoker.status().environments.length > 2; turn++) await nextTurn();
  assert.deepEqual(
    invoker.status().environments.map(({ state }) => state),
    ['busy', 'busy'],
  );
  for (const process of machine.processes) if (process.invoked.length > 0) process.says('returned', 1, 'null');
  for (const { settled } of calls) assert.equal((await settled).error, undefined);
  await invoker.close();
});

test('a secret is a variable of the process, read when it starts, and shown neither in what it prints nor in its errors', async () => {
  const { machine, invoker, invoke, logged } = open({ secrets: { KEY: { file: '/etc/key' } } });
  const missing = await invoke().settled;
  assert.equal(missing.error?.errorType, 'Runtime.SecretUnavailable');
  assert.match(missing.error?.errorMessage ?? '', /secret KEY: file \/etc\/key cannot be read/);
  machine.files.set('/etc/key', 'hunter2-hunter2\n');
  const { settled } = invoke();
  const process = machine.last();
  assert.equal(process.variables['KEY'], 'hunter2-hunter2');
  process.says('ready');
  process.stdout.write('the key is hunter2-hunter2\n');
  await nextTurn();
  process.says('threw', 1, { errorType: 'Error', errorMessage: 'bad hunter2-hunter2', trace: ['at hunter2-hunter2'] });
  const { error, metering } = await settled;
  assert.deepEqual([error?.errorMessage, error?.trace], ['bad ***', ['at ***']]);
  const lines = await metering.logLines;
  assert.ok(lines.includes('the key is ***'));
  assert.doesNotMatch(JSON.stringify([logged, lines, invoker.status()]), /hunter2/);
  await invoker.close();
});
