// An invoker over processes that are made up: they say what the test wants, in any order, and end when it wants; and the
// machine that gives them can fail. Whatever happens, each invocation settles exactly once.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { functionDefaults } from '../defaults.ts';
import type { InvocationSink } from './invocation-contract.ts';
import { open, type FakeProcess } from './test-support.ts';

test('an invocation has its value, its head, its log and what it cost', async () => {
  const { clock, machine, invoke, invoker } = open();
  const { sink, settled } = invoke({ event: '{"a":1}', traceId: 'Root=1', clientContext: { b: 2 }, timeoutMs: 5000 });
  const process = machine.last();
  await clock.advance(40);
  process.says('ready');
  await clock.settle();
  const { requestId, deadlineMs, timeoutMs, event, traceId, clientContext } = process.invoked[0]!;
  assert.deepEqual([requestId, event, traceId, clientContext], ['r1', { a: 1 }, 'Root=1', { b: 2 }]);
  // The time that loading takes is not taken from its time-out, nor added to it.
  assert.deepEqual([deadlineMs, timeoutMs], [undefined, 5000]);
  await clock.advance(7);
  process.stdout.push('a line\n');
  process.says('head', 1, { contentType: 'text/plain', prelude: { statusCode: '201', headers: { 'x-n': 1 } } });
  process.says('returned', 1, '{"big":12345678901234567890}');
  const { head, value, error, metering } = await settled;
  assert.deepEqual(head, { contentType: 'text/plain', statusCode: 201, headers: { 'x-n': '1' } });
  assert.equal(value, '{"big":12345678901234567890}');
  assert.equal(error, undefined);
  const { queueMs, isCold, initMs, durationMs, billedMs, environmentId } = metering;
  assert.deepEqual([queueMs, isCold, initMs, durationMs, billedMs], [0, true, 40, 7, 47]);
  assert.equal(environmentId, invoker.status().environments[0]?.id);
  assert.deepEqual(sink.heard.slice(0, 2), ['started', `head ${JSON.stringify(head)}`]);
  const lines = await metering.logLines;
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['START', 'a', 'END', 'REPORT'],
  );
  // The next one is warm.
  const second = invoke();
  assert.equal(process.invoked[1]?.deadlineMs, clock.nowMs() + functionDefaults.timeoutMs);
  process.says('returned', 2, '');
  const streamed = await second.settled;
  assert.deepEqual(second.sink.heard, ['started', 'ended streamed']);
  assert.equal(streamed.value, undefined);
  assert.deepEqual([streamed.metering.isCold, streamed.metering.initMs], [false, undefined]);
});

test('the last line of a handler is in its log, also where it is read behind the end', async () => {
  // It was lost where the two pipes were read in this order.
  const { machine, invoke } = open();
  const first = invoke();
  const process = machine.last();
  process.says('ready');
  process.says('returned', 1, 'null');
  await first.settled;
  const { settled } = invoke();
  process.says('returned', 2, 'null');
  process.stdout.push('a late line\n');
  const { metering } = await settled;
  assert.ok((await metering.logLines).includes('a late line'));
});

test('output comes in order, and nothing is read while the sink does not take it', async () => {
  const { clock, machine, invoke } = open();
  const { sink } = invoke();
  const process = machine.last();
  process.says('ready');
  process.says('data', 1, 'one');
  await clock.settle();
  const { promise, resolve } = Promise.withResolvers<void>();
  sink.taken = promise;
  process.says('data', 1, 'two');
  await clock.settle();
  process.says('data', 1, 'three');
  await clock.settle();
  assert.deepEqual(sink.heard, ['started', 'write one', 'write two']);
  sink.taken = undefined;
  resolve();
  await clock.settle();
  assert.deepEqual(sink.heard.slice(2), ['write two', 'write three']);
});

test('a sink that throws or rejects fails its own invocation, and no other', async () => {
  const { clock, machine, invoke, logged } = open({ invocationsPerEnvironment: 4 });
  const neighbour = invoke();
  const throwing = invoke({}, { write: () => assert.fail('it throws') });
  const rejecting = invoke({}, { write: () => Promise.reject(new Error('it rejects')) });
  const unstarted = invoke({}, { started: () => assert.fail('not this one'), write: () => {} });
  const process = machine.last();
  process.says('ready');
  for (const which of [1, 2, 3]) process.says('data', which, 'x');
  assert.equal((await throwing.settled).error?.code, 'INTERNAL');
  assert.match((await rejecting.settled).error?.errorMessage ?? '', /it rejects/);
  assert.equal((await unstarted.settled).error?.code, 'INTERNAL');
  await clock.settle();
  assert.deepEqual(process.cancelled, [2, 3]);
  assert.equal(process.invoked.length, 3);
  process.says('returned', 1, '"fine"');
  assert.equal((await neighbour.settled).value, '"fine"');
  assert.equal(logged.filter(({ message }) => message.includes('was not taken')).length, 3);
});

test('what waits starts in its order, urgent ones first, and can be taken out', async () => {
  const { clock, machine, invoke, invoker } = open({ environmentsMax: 1 });
  const started: string[] = [];
  const listen = (name: string): InvocationSink => ({ started: () => void started.push(name), write: () => {} });
  invoke({}, listen('a'));
  invoke({}, listen('b'));
  const out = invoke({}, listen('c'));
  invoke({}, listen('d'));
  invoke({ isUrgent: true }, listen('e'));
  assert.deepEqual([invoker.status().queued, invoker.status().running], [4, 1]);
  out.stop.abort();
  const { error, metering } = await out.settled;
  assert.deepEqual([error?.code, metering.environmentId], ['INVOCATION_CANCELLED', undefined]);
  machine.last().says('ready');
  for (const which of [1, 2, 3, 4]) {
    machine.last().says('returned', which, 'null');
    await clock.settle();
  }
  assert.deepEqual(started, ['a', 'e', 'b', 'd']);
  assert.equal(machine.processes.length, 1);
});

test('a full queue, and a wait that is too long, are THROTTLED', async () => {
  const { clock, invoke } = open({ environmentsMax: 1, queueLengthMax: 2 });
  invoke();
  const waiting = invoke({ queueMsMax: 500 });
  invoke();
  const rejected = invoke();
  assert.equal(rejected.sink.settlement?.error?.code, 'THROTTLED');
  assert.equal(rejected.sink.settlement.error.isRetriable, true);
  await clock.advance(500);
  const { error, metering } = await waiting.settled;
  assert.deepEqual([error?.code, metering.queueMs], ['THROTTLED', 500]);
  assert.match(error?.errorMessage ?? '', /500 ms/);
});

test('the bytes of the events that wait are bounded, too', () => {
  const { invoke } = open({ environmentsMax: 1 });
  invoke();
  const event = JSON.stringify('x'.repeat(20 * 1024 * 1024));
  const codes = Array.from({ length: 8 }, () => invoke({ event }).sink.settlement?.error?.code);
  assert.deepEqual(codes.indexOf('THROTTLED'), 6);
});

test('an event is made when an environment is free; one that cannot be made takes none', async () => {
  const { clock, machine, invoke } = open({ environmentsMax: 1 });
  invoke();
  const made: string[] = [];
  const failing = invoke({ event: () => assert.fail('no event') });
  invoke({ event: () => (made.push('made'), '[]') });
  assert.deepEqual(made, []);
  machine.last().says('ready');
  machine.last().says('returned', 1, 'null');
  await clock.settle();
  assert.deepEqual(made, ['made']);
  assert.deepEqual(failing.sink.heard, ['ended INTERNAL']);
  assert.deepEqual(machine.last().invoked[1]?.event, []);
});

test('a time-out of its own is shorter than the function’s; a handler that was cancelled ends as it likes', async () => {
  const { clock, machine, invoke } = open({ timeoutMs: 1000 });
  const late = invoke({ timeoutMs: 100 });
  const cancelled = invoke({ timeoutMs: 5000 });
  const [first, second] = machine.processes as [FakeProcess, FakeProcess];
  first.says('ready');
  second.says('ready');
  await clock.advance(100);
  assert.deepEqual([late.sink.settlement?.error?.code], ['FUNCTION_TIMED_OUT']);
  assert.match(late.sink.settlement?.error?.errorMessage ?? '', /within 100 ms/);
  assert.equal(first.signalCode, 'SIGKILL');
  cancelled.stop.abort();
  second.says('data', 1, 'unheard');
  second.says('threw', 1, { errorType: 'AbortError', errorMessage: 'aborted', trace: [] });
  assert.equal((await cancelled.settled).error?.code, 'INVOCATION_CANCELLED');
  assert.deepEqual(cancelled.sink.heard, ['started', 'ended INVOCATION_CANCELLED']);
});

test('a cancel from within `started` is heard', async () => {
  const { clock, machine, invoker } = open();
  const stop = new AbortController();
  const sink = { started: () => stop.abort(), write: () => {} };
  const settled = invoker.invoke({ requestId: 'r', event: '{}' }, sink, stop.signal);
  machine.last().says('ready');
  await clock.settle();
  assert.deepEqual(machine.last().cancelled, [1]);
  await clock.advance(functionDefaults.stopGraceMs);
  assert.equal((await settled).error?.code, 'INVOCATION_CANCELLED');
});

const noSpace = (): Error =>
  Object.assign(new Error("ENOSPC: no space left on device, mkdir '/x'"), { code: 'ENOSPC' });

test('a full disk is waited for ever more slowly, by spares and by those who wait; status says why; it is logged once', async () => {
  const { clock, machine, invoke, invoker, logged } = open({ spareCount: 1 });
  machine.last().says('ready');
  await clock.settle();
  machine.dirError = noSpace();
  // The spare dies, and its replacement has no folder: that ended the server.
  machine.last().ends('SIGKILL');
  const waiting = invoke();
  await clock.advance(60_000);
  const { startError, queued, environments } = invoker.status();
  assert.equal(startError?.code, 'ENVIRONMENT_NOT_STARTED');
  assert.match(startError.message, /ENOSPC/);
  assert.deepEqual([queued, environments.length], [1, 0]);
  // 200, 400, 800 and 1600 ms apart, then 3 s.
  assert.ok(machine.starts > 15 && machine.starts < 30, `${machine.starts} tries`);
  assert.equal(logged.filter(({ fields }) => fields['code'] === 'ENVIRONMENT_NOT_STARTED').length, 1);
  machine.dirError = undefined;
  await clock.advance(3000);
  assert.deepEqual(waiting.sink.heard, ['started']);
  assert.equal(invoker.status().startError, undefined);
  await clock.advance(3000);
  assert.equal(invoker.status().environments.length, 2, 'the spare is there again');
});

const failures: readonly [string, () => ChildProcess, RegExp][] = [
  // What Node does when a start fails by EAGAIN, by EMFILE (no pipes were made), and by E2BIG or ENOMEM.
  ['no process', () => failing({ stdio: [null, null, null, null] }, 'spawn EAGAIN'), /EAGAIN/],
  ['no descriptors', () => failing({}, 'spawn EMFILE'), /EMFILE/],
  ['an exception', () => assert.fail('spawn ENOMEM'), /ENOMEM/],
];
function failing(fields: object, message: string): ChildProcess {
  const child = Object.assign(new EventEmitter(), fields);
  process.nextTick(() => child.emit('error', new Error(message)));
  return child as unknown as ChildProcess;
}
for (const [what, spawnInstead, message] of failures) {
  test(`a start that gives ${what} is tried again`, async () => {
    const { clock, machine, invoke, invoker, logged } = open();
    machine.spawnInstead = spawnInstead;
    const waiting = invoke();
    await clock.advance(30_000);
    assert.match(invoker.status().startError?.message ?? '', message);
    assert.deepEqual(waiting.sink.heard, []);
    assert.equal(machine.dirs.size, 0, 'no folder is left');
    assert.ok(logged.length < 3, 'it is logged when it is new');
    machine.spawnInstead = undefined;
    await clock.advance(3000);
    assert.deepEqual(waiting.sink.heard, ['started']);
  });
}

test('a function whose folder is not there fails its invocations, and is tried with each', async () => {
  const { machine, invoke, invoker } = open();
  machine.spawnInstead = () => failing({}, 'spawn ENOENT');
  machine.hasTaskRoot = false;
  const first = await invoke().settled;
  assert.equal(first.error?.code, 'FUNCTION_INIT_FAILED');
  assert.match(first.error.errorMessage, /no folder \/app/);
  assert.match(invoker.status().initError?.message ?? '', /no folder/);
  machine.hasTaskRoot = true;
  machine.spawnInstead = undefined;
  assert.deepEqual(invoke().sink.heard, ['started']);
});

test('closing settles what waits and what runs', async () => {
  const { machine, invoke, invoker } = open({ environmentsMax: 1 });
  const running = invoke();
  const waiting = invoke();
  await invoker.close();
  assert.equal((await running.settled).error?.code, 'FUNCTION_EXITED');
  assert.equal((await waiting.settled).error?.code, 'CLOSED');
  assert.equal((await invoke().settled).error?.code, 'CLOSED');
  assert.equal(machine.processes.length, 1);
});

/** Payloads as our bootstrap sends them, and as a function might that writes to the descriptor by itself. */
const payloads: readonly string[] = [
  '',
  '{}',
  'null',
  '[]',
  '"text"',
  '7',
  '{"a":',
  '\0',
  '{"errorType":"E","errorMessage":"m","trace":["t"],"code":"C"}',
  '{"errorType":"E"}',
  '{"contentType":"a/b","prelude":{"statusCode":200,"headers":{"a":"b"},"cookies":["c=d"]}}',
  '{"contentType":1,"prelude":{"statusCode":"x","headers":{"a":{}},"cookies":"c"}}',
];
const said = fc.record({
  does: fc.constantFrom(
    ...(['ready', 'init-error', 'head', 'data', 'returned', 'threw', 'pong', 'invoke'] as const),
    ...(['cancel', 'exit', 'kill', 'garbage', 'time'] as const),
  ),
  which: fc.integer({ min: 0, max: 4 }),
  payload: fc.constantFrom(...payloads),
});

test('each invocation settles exactly once, and says nothing after it, whatever its process says and does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 12 }), fc.integer({ min: 1, max: 3 }), async (story, shared) => {
      const { clock, machine, invoke, invoker, logged } = open({
        invocationsPerEnvironment: shared,
        environmentsMax: 2,
      });
      const calls = [invoke(), invoke(), invoke(), invoke()];
      for (const { does, which, payload } of story) {
        const process = machine.processes[which % machine.processes.length]!;
        if (does === 'exit') process.ends(null, 1);
        else if (does === 'kill') process.ends('SIGKILL');
        else if (does === 'garbage') process.pipe.push(Buffer.alloc(9, 0xff));
        else if (does === 'cancel') calls[which % calls.length]!.stop.abort();
        else if (does === 'time') await clock.advance(which * 1000);
        else process.says(does, which, payload);
        await clock.settle(1);
      }
      await invoker.close();
      const settlements = await Promise.all(calls.map(({ settled }) => settled));
      for (const [index, { sink }] of calls.entries()) {
        assert.equal(sink.heard.filter((word) => word.startsWith('ended')).length, 1);
        assert.ok(sink.heard.at(-1)?.startsWith('ended'), sink.heard.join());
        assert.equal(sink.settlement, settlements[index]);
        assert.ok(sink.heard.filter((word) => word.startsWith('head')).length <= 1);
      }
      assert.equal(invoker.status().running, 0);
      assert.deepEqual(
        logged.filter(({ message }) => message.includes('defect')),
        [],
      );
    }),
    { numRuns: 150, seed: 8 },
  );
});

test('changed sources are loaded beside what serves, which ends what it has begun', async () => {
  const { clock, machine, invoke, invoker } = open();
  const first = invoke();
  const old = machine.last();
  old.says('ready');
  await clock.advance(1);
  invoker.update();
  const changed = machine.last();
  assert.notEqual(changed, old);
  // Nobody waits for it: until it has loaded, the old one has the work.
  old.says('returned', 1, '"old"');
  await clock.advance(1);
  assert.equal((await first.settled).value, '"old"');
  const second = invoke();
  assert.equal(old.invoked.length, 2);
  changed.says('ready');
  await clock.advance(1);
  const third = invoke();
  assert.equal(changed.invoked.length, 1, 'whoever comes now is served by the changed sources');
  old.says('returned', 2, '"old"');
  changed.says('returned', 1, '"new"');
  await clock.advance(1);
  assert.equal((await second.settled).value, '"old"');
  assert.equal((await third.settled).value, '"new"');
  await clock.advance(functionDefaults.stopGraceMs + 1);
  assert.deepEqual(
    invoker.status().environments.map(({ pid }) => pid),
    [changed.pid],
  );
});

test('sources that cannot be loaded change nothing, and those that are mended then serve', async () => {
  const { clock, machine, invoke, invoker } = open();
  const first = invoke();
  const old = machine.last();
  old.says('ready');
  old.says('returned', 1, '"old"');
  await first.settled;
  invoker.update();
  const broken = machine.last();
  broken.says('init-error', 0, { errorType: 'Runtime.UserCodeSyntaxError', errorMessage: 'line 3', trace: [] });
  await clock.advance(1);
  broken.ends(null, 1);
  await clock.advance(1);
  assert.match(invoker.status().updateError?.message ?? '', /UserCodeSyntaxError: line 3/);
  assert.equal(invoker.status().initError, undefined);
  const starts = machine.processes.length;
  const second = invoke();
  const third = invoke();
  assert.equal(old.invoked.length, 2);
  assert.equal(
    machine.processes.length,
    starts,
    'what cannot be loaded is not started: the third waits for the old one',
  );
  old.says('returned', 2, '"old"');
  await second.settled;
  invoker.update();
  const mended = machine.last();
  mended.says('ready');
  await clock.advance(1);
  assert.equal(invoker.status().updateError, undefined);
  old.says('returned', 3, '"old"');
  assert.equal((await third.settled).value, '"old"');
  const fourth = invoke();
  mended.says('returned', 1, '"new"');
  assert.equal((await fourth.settled).value, '"new"');
});

test('a function that could not be loaded is loaded when its sources change', async () => {
  const { clock, machine, invoke, invoker } = open({ spareCount: 1 });
  const failure = { errorType: 'Error', errorMessage: 'no', trace: [] };
  machine.last().says('init-error', 0, failure);
  machine.last().ends(null, 1);
  await clock.advance(60_000);
  assert.equal(machine.processes.length, 1);
  invoker.update();
  machine.last().says('ready');
  await clock.advance(1);
  assert.equal(invoker.status().initError, undefined);
  invoke();
  assert.equal(machine.last().invoked.length, 1);
});

test('sources that change again before they were loaded are loaded once more, and a full disk is waited for', async () => {
  const { clock, machine, invoke, invoker } = open({ spareCount: 1 });
  const old = machine.last();
  old.says('ready');
  await clock.advance(1);
  invoker.update();
  const overtaken = machine.last();
  machine.dirError = new Error('ENOSPC');
  invoker.update();
  await clock.advance(5000);
  machine.dirError = undefined;
  await clock.advance(5000);
  const latest = machine.last();
  latest.says('ready');
  await clock.advance(functionDefaults.stopGraceMs + 1);
  assert.equal(overtaken.signalCode, 'SIGKILL');
  assert.equal(old.signalCode, 'SIGKILL');
  invoke();
  assert.equal(latest.invoked.length, 1);
});
