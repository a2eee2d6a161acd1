// The processes of functions: how many there are, and that none outlives its supervisor.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { conversationStream, toRecord } from '@throughline/event';
import type { Supervisor } from '@throughline/functions';
import { answerFunction, ask, memoryLog, newId, openHouse, requestStop, topic } from './functions-harness.ts';

const supervisorProcess = path.join(path.dirname(fileURLToPath(import.meta.url)), 'functions-supervisor-process.ts');

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpMs = performance.now() + 15_000;
  while (!condition()) {
    assert.ok(performance.now() < giveUpMs, `not in time: ${what}`);
    await nextTurn();
  }
}

const environments = (supervisor: Supervisor) => supervisor.status()[0]!.environments;

test('without work a function is dormant: one spare process, loaded ahead', async (t) => {
  const { supervisor } = await openHouse(t);
  await until(() => environments(supervisor)[0]?.state === 'idle', 'the spare is ready');
  assert.equal(environments(supervisor).length, 1);
  assert.equal(environments(supervisor)[0]?.invocations, 0);
  if (process.platform === 'linux') assert.ok(environments(supervisor)[0]!.residentBytes > 1_000_000);
});

test('a run takes the spare, another spare is started, and what is idle for long is stopped', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, { functions: [answerFunction({ idleMs: 400 })] });
  await until(() => environments(supervisor)[0]?.state === 'idle', 'the spare is ready');
  const spare = environments(supervisor)[0]!.pid;
  const { runId } = await ask(log, 'words 3');
  const run = await reader.ended(runId);
  assert.equal(run.attempts[0]?.environment.pid, spare);
  await nextTurn();
  assert.equal(supervisor.status()[0]?.totals.warm, 1);
  await until(() => environments(supervisor).length === 2, 'another spare');
  await until(() => environments(supervisor).length === 1, 'the idle one has gone');
  assert.notEqual(environments(supervisor)[0]?.pid, spare);
  assert.equal(isRunning(spare), false);
});

test('closing the supervisor ends all its processes', async (t) => {
  const { log, reader, supervisor } = await openHouse(t);
  const { runId } = await ask(log, 'words 1000 5');
  await reader.until(() => reader.text(runId) !== '', 'it speaks');
  const pids = environments(supervisor).map(({ pid }) => pid);
  await supervisor.close();
  assert.deepEqual(pids.filter(isRunning), []);
});

for (const question of ['words 2000 5', 'fault hang']) {
  test(`no process outlives a supervisor that is killed with kill -9 (${question})`, async () => {
    const { supervisor, pids } = await startSupervisorProcess(question);
    supervisor.kill('SIGKILL');
    await until(() => !pids.some(isRunning), 'its processes have gone');
  });
}

test('a process in an endless loop is found and killed by the next supervisor', async (t) => {
  const { supervisor, pids, environment } = await startSupervisorProcess('fault loop');
  t.after(() => pids.filter(isRunning).forEach((pid) => process.kill(pid, 'SIGKILL')));
  supervisor.kill('SIGKILL');
  assert.ok(isRunning(environment.pid), 'it does not look at its pipe');
  // The log that survived says which process it was.
  const log = await memoryLog(1);
  const { runId, conversationId } = await ask(log, 'words 2');
  const started = { type: 'attempt-started', id: newId(), stream: conversationStream(conversationId), run: runId };
  const payload = { function: 'answer', environment, owner: 'supervisor/dead', leaseMs: 60_000, keep: 0 };
  await log.append(topic, [toRecord({ ...started, attempt: 1, payload })]);
  const { reader } = await openHouse(t, { log });
  await until(() => !isRunning(environment.pid), 'it was killed');
  assert.equal((await reader.ended(runId)).outcome, 'done');
});

test('a record that names a process of somebody else has it killed by nobody', async (t) => {
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'stranger'], { detached: true });
  t.after(() => stranger.kill('SIGKILL'));
  const log = await memoryLog(1);
  const runIds: string[] = [];
  for (const id of ['', '-e', 'stranger']) {
    const { runId, conversationId } = await ask(log, 'words 2');
    const started = { type: 'attempt-started', id: newId(), stream: conversationStream(conversationId), run: runId };
    const environment = { id, pid: stranger.pid ?? 0 };
    const payload = { function: 'answer', environment, owner: 'supervisor/dead', leaseMs: 60_000, keep: 0 };
    await log.append(topic, [toRecord({ ...started, attempt: 1, payload })]);
    runIds.push(runId);
  }
  const { reader } = await openHouse(t, { log });
  for (const runId of runIds) assert.equal((await reader.ended(runId)).outcome, 'done');
  assert.deepEqual([stranger.exitCode, stranger.signalCode], [null, null]);
});

test('the compile cache of functions is kept', async (t) => {
  const compileCacheDir = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
  t.after(() => rmSync(compileCacheDir, { recursive: true, force: true }));
  const { supervisor } = await openHouse(t, { compileCacheDir });
  await until(() => environments(supervisor)[0]?.state === 'idle', 'the spare is ready');
  const { readdirSync } = await import('node:fs');
  await until(() => readdirSync(compileCacheDir, { recursive: true }).length > 1, 'the cache was written');
});

test('a run can be killed by its name, and an unknown one cannot', async (t) => {
  const { log, reader, supervisor } = await openHouse(t, { functions: [answerFunction({ spareCount: 0 })] });
  assert.equal(supervisor.killEnvironment(), undefined);
  const question = await ask(log, 'words 1000 5');
  await reader.until(() => reader.text(question.runId) !== '', 'it speaks');
  assert.equal(supervisor.killEnvironment('nobody'), undefined);
  assert.equal(supervisor.killEnvironment(question.runId), reader.run(question.runId)?.attempts[0]?.environment.pid);
  await requestStop(log, question);
  await reader.ended(question.runId);
});

interface Started {
  readonly supervisor: ReturnType<typeof spawn>;
  readonly pids: readonly number[];
  readonly environment: { readonly id: string; readonly pid: number };
}

/** A supervisor in a process of its own, which has asked itself `question` and shown some of the answer. */
async function startSupervisorProcess(question: string): Promise<Started> {
  const supervisor = spawn(
    process.execPath,
    ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', supervisorProcess, question],
    { stdio: ['ignore', 'pipe', 'inherit'] as const },
  );
  for await (const line of createInterface({ input: supervisor.stdout })) {
    return { supervisor, ...(JSON.parse(line) as Omit<Started, 'supervisor'>) };
  }
  throw new Error('the supervisor has said nothing');
}
