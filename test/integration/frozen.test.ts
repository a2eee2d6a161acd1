// Functions that are frozen between invocations, with real processes: what they leave behind stands still, an invocation that comes
// finds them as they were, and nothing frozen outlives its supervisor.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createFunctionHost, type FunctionConfig } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import type { Settlement } from '../../packages/functions/src/invoker/invocation-contract.ts';
import { PythonFinder } from '../../packages/throughline/src/dev/python-finder.ts';

const folder = path.join(import.meta.dirname, '../support/frozen');
const skip = process.platform === 'linux' ? false : 'the state of a process is read from /proc';

/** `T` is a stopped process; undefined where there is none. */
function stateOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}/status`)) return undefined;
  const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return state === 'Z' ? undefined : state;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

function host(t: TestContext, config: Partial<FunctionConfig>) {
  const functions = createFunctionHost({
    log: new MemoryLog(),
    functions: [{ name: 'f', entry: path.join(folder, 'worker.ts'), isFrozenWhenIdle: true, spareCount: 0, ...config }],
  });
  t.after(() => functions.close());
  const { invoker } = functions.functions.get('f')!;
  const invoke = (event: unknown): Promise<Settlement> =>
    invoker.invoke({ requestId: 'r', event: JSON.stringify(event) }, { write: () => {} }, new AbortController().signal);
  const pid = (): number => invoker.status().environments[0]!.pid;
  const ticks = async (event: unknown): Promise<number> =>
    (JSON.parse((await invoke(event)).value ?? 'null') as { ticks: number }).ticks;
  return { functions, invoker, invoke, pid, ticks };
}

for (const [language, entry] of [
  ['Node.js', 'worker.ts'],
  ['Python', 'worker.py'],
] as const) {
  test(
    `${language}: what an invocation leaves behind is named, stands still while it is frozen, and goes on`,
    { skip },
    async (t) => {
      const runtime = entry.endsWith('.py')
        ? new PythonFinder(folder).find('f').runtime
        : ({ kind: 'nodejs' } as const);
      const { invoke, pid, ticks, invoker } = host(t, { entry: path.join(folder, entry), runtime });
      const first = await invoke({});
      assert.match(
        (await first.metering.logLines).join('\n'),
        /leaves work behind.*: (Timeout|threading\.Thread) \(1\)/,
      );
      await until(() => stateOf(pid()) === 'T');
      assert.equal(invoker.status().environments[0]?.state, 'frozen');
      const before = await ticks({});
      await until(() => stateOf(pid()) === 'T');
      // Far longer than the moment before it is frozen.
      await pause(1000);
      const after = await ticks({});
      assert.ok(after > 0, 'it has counted between invocations and freezes');
      // It counts up to a thousand times a second; a machine that is slow to stop it gives it a little more than 20 ms.
      assert.ok(after - before < 600, `${after - before} ticks in a second in which it was frozen`);
    },
  );
}

test(
  'a frozen process that is killed is replaced, and a close with frozen processes takes no time',
  { skip },
  async (t) => {
    const { functions, invoke, pid } = host(t, {});
    const { metering } = await invoke({ leak: false });
    assert.doesNotMatch((await metering.logLines).join('\n'), /leaves work behind/);
    await until(() => stateOf(pid()) === 'T');
    const killed = pid();
    process.kill(killed, 'SIGKILL');
    // It may be called before its end is known: then the process may have died with the invocation.
    let last = await invoke({ leak: false });
    if (last.error !== undefined) {
      assert.equal(last.error.code, 'FUNCTION_EXITED');
      last = await invoke({ leak: false });
    }
    assert.equal(last.error, undefined);
    assert.notEqual(pid(), killed);
    const frozen = pid();
    await until(() => stateOf(frozen) === 'T');
    await functions.close();
    assert.equal(stateOf(frozen), undefined);
  },
);

test('invocations that come while processes are being frozen are all answered', { skip }, async (t) => {
  const { invoke } = host(t, { environmentsMax: 2 });
  for (let round = 0; round < 60; round++) {
    // Around the 20 ms after which an idle process is frozen.
    await pause(15 + (round % 10));
    const { error } = await invoke({ leak: false });
    assert.equal(error, undefined);
  }
});

test('a frozen process does not outlive a supervisor that is killed', { skip }, async () => {
  const supervisor = spawn(
    process.execPath,
    [...process.execArgv.filter((flag) => !flag.startsWith('--test')), path.join(folder, 'supervisor-process.ts')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(supervisor.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  await until(() => stateOf(pid) === 'T');
  supervisor.kill('SIGKILL');
  await until(() => stateOf(pid) === undefined);
});
