// The life of `throughline dev`: how it is found, how it stops, and what happens when one of its processes is killed.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion, uiChunks, type Chunk } from '../support/chat.ts';
import { throughline } from '../support/cli.ts';
import { EventReader } from '../support/readers.ts';
import { throwsOnSignal } from '../support/planted-defect.ts';
import { startServer, TestServer, type StartOptions } from '../support/server.ts';

/** What the contract promises for a clean stop. */
const stopMs = 5_000;
/** How long anything else may take on a machine that is busy with other tests. */
const patienceMs = 20_000;
let server: TestServer;
afterEach(() => server.dispose());
const start = async (options?: StartOptions): Promise<void> => void (server = await startServer(options));

const fileOf = (name: string): string => path.join(server.dataDir, name);
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(read(`/proc/${pid}/stat`));
function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function until(holds: () => boolean | Promise<boolean>, withinMs = patienceMs): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `not within ${withinMs} ms: ${holds.toString()}`);
    await pause(10);
  }
}

async function functionPids(url = server.url): Promise<number[]> {
  const status = (await (await fetch(`${url}/v1/status`)).json()) as {
    functions: { environments: { pid: number }[] }[];
  };
  return status.functions.flatMap(({ environments }) => environments.map(({ pid }) => pid)).filter((pid) => pid > 0);
}

/** A question whose answer takes a second, shown up to its beginning. */
async function askSlowly(name: string): Promise<{ question: string; reader: EventReader; response: Response }> {
  const question = `name=${name} tokens=90 paceMs=12`;
  const response = await postQuestion(server.url, name, `${name}-q`, question);
  const reader = new EventReader(server, name);
  await reader.until(() => (reader.run === undefined ? '' : reader.textOf(reader.run)).length > 50);
  return { question, reader, response };
}

async function chunksOf(response: Response): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of uiChunks(response)) chunks.push(chunk);
  return chunks;
}

async function assertCarriedOn({ question, reader }: { question: string; reader: EventReader }): Promise<void> {
  await reader.done;
  assert.ok(reader.run !== undefined);
  assert.equal(reader.run.outcome, 'done', JSON.stringify(reader.run.ended));
  assert.equal(reader.textOf(reader.run), answerText(question));
  assert.equal(reader.run.attempt, 2);
}

test('what nobody has caught closes the server in order, with its words and an exit code', async () => {
  await start({ environment: { NODE_OPTIONS: throwsOnSignal } });
  process.kill(server.pid, 'SIGUSR2');
  assert.equal(await server.ended(), 1);
  assert.equal(existsSync(fileOf('server.json')), false, 'as after any stop');
  assert.match(server.output, /error a defect that nobody has caught: closing: planted/);
  assert.match(read(fileOf('server.log')), /"level":50.*planted/);
});

test('a server that is ready can be found through server.json, and removes it when it stops', async () => {
  await start();
  const { pid, http, version } = JSON.parse(read(fileOf('server.json'))) as Record<string, unknown>;
  assert.equal(http, server.url);
  assert.equal(version, '0.1.0');
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  assert.match(
    server.output,
    new RegExp(`Throughline is ready\n  page +${server.url}/\n  log +embedded\n  Kafka .+\n  data folder +/`),
  );
  const pids = [Number(pid), ...(await functionPids())];
  assert.equal(await server.stop(), 0);
  assert.equal(existsSync(fileOf('server.json')), false);
  assert.deepEqual(pids.filter(isAlive), []);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in mid-answer stops within 5 s, cuts the readers, and the next start goes on`, async () => {
    await start();
    const asked = await askSlowly(signal.toLowerCase());
    const chat = chunksOf(asked.response);
    const cut = assert.rejects(chat, 'a stream that is not over must not end cleanly');
    const pids = [server.pid, ...(await functionPids())];
    const startedMs = performance.now();
    process.kill(server.launcherPid, signal);
    assert.equal(await server.ended(), 0);
    assert.ok(performance.now() - startedMs < stopMs);
    await cut;
    assert.deepEqual(pids.filter(isAlive), []);
    assert.notEqual(asked.reader.run?.phase, 'ended');
    await server.start();
    await assertCarriedOn(asked);
  });
}

test('a second signal stops at once, also a server that cannot stop by itself', async () => {
  await start();
  const { pid } = server;
  const pids = [pid, ...(await functionPids())];
  process.kill(pid, 'SIGSTOP');
  process.kill(server.launcherPid, 'SIGTERM');
  await pause(600);
  assert.ok(isAlive(server.launcherPid));
  process.kill(server.launcherPid, 'SIGTERM');
  const startedMs = performance.now();
  assert.equal(await server.ended(), 1);
  assert.ok(performance.now() - startedMs < 3_000);
  await until(() => !pids.some(isAlive));
});

test('a server whose launcher is killed stops by itself, cleanly', async () => {
  await start();
  const pids = [server.pid, ...(await functionPids())];
  process.kill(server.launcherPid, 'SIGKILL');
  await until(() => !pids.some(isAlive));
  assert.equal(existsSync(fileOf('server.json')), false);
});

test('a killed server stays down, its launcher says so, and the next start carries the answer on', async () => {
  await start();
  const asked = await askSlowly('killed');
  const pids = await functionPids();
  process.kill(server.pid, 'SIGKILL');
  assert.equal(await server.ended(), 1);
  assert.match(server.output, /The server was ended by SIGKILL, and what it acknowledged is kept: start it again/);
  await until(() => !pids.some(isAlive));
  await server.start();
  await assertCarriedOn(asked);
});

test('a crash that the page asks for is followed by a start on the same port', async () => {
  await start({ flags: ['--http-port', '0'] });
  const before = JSON.parse(read(fileOf('server.json'))) as { pid: number; http: string };
  const pids = await functionPids(before.http);
  const response = fetch(`${before.http}/v1/dev/crash-server`, { method: 'POST' }).catch(() => undefined);
  await until(() => isAnotherServer(before.pid));
  await response;
  const after = JSON.parse(read(fileOf('server.json'))) as { pid: number; http: string };
  assert.equal(after.http, before.http);
  assert.equal((await fetch(`${after.http}/healthz`)).status, 200);
  assert.match(server.output, /The server was crashed from the page.*Starting it again/);
  await until(() => !pids.some(isAlive));
});

function isAnotherServer(pid: number): boolean {
  const text = read(fileOf('server.json'));
  return text !== '' && (JSON.parse(text) as { pid: number }).pid !== pid;
}

test('a start right after a stop waits until the stop is done', async () => {
  await start();
  const { pid, launcherPid } = server;
  // In the middle of its stop: it has removed server.json and still holds the folder.
  process.kill(pid, 'SIGSTOP');
  rmSync(fileOf('server.json'));
  const ended = server.ended();
  const next = new TestServer(server.dataDir, server.port, {});
  const ready = next.start();
  await until(() => new RegExp(`Waiting for process ${pid}, which still holds `).test(next.output));
  process.kill(launcherPid, 'SIGTERM');
  process.kill(pid, 'SIGCONT');
  assert.equal(await ended, 0);
  server = next;
  await ready;
});

test('a folder without documents is said at the start, and by each answer until there is one', async () => {
  const docs = path.join(mkdtempSync(path.join(os.tmpdir(), 'throughline-docs-')), 'later');
  await start({ app: path.join(import.meta.dirname, '../../examples/ask-docs'), flags: ['--docs', docs] });
  await until(() =>
    /warning answers will fail until --docs .*DOCS_UNREADABLE .*later cannot be read/.test(server.output),
  );
  const rejected = await chunksOf(await postQuestion(server.url, 'conversation', 'first', 'How does it work?'));
  assert.match(
    rejected.find(({ type }) => type === 'error')?.errorText ?? '',
    /^DOCS_UNREADABLE: .*later cannot be read/,
  );
  mkdirSync(docs);
  writeFileSync(path.join(docs, 'page.md'), '# Recovery\nRecovery reads the log again.\n');
  const answered = await chunksOf(await postQuestion(server.url, 'other', 'second', 'What is recovery?'));
  assert.match(answered.map(({ delta }) => delta ?? '').join(''), /Recovery reads the log again/);
  rmSync(path.dirname(docs), { recursive: true });
});

test('a function that is not there ends its run with the reason, which status shows', async () => {
  await start({ app: path.join(import.meta.dirname, '../support/missing-function') });
  const response = await postQuestion(server.url, 'conversation', 'question', 'Is anybody there?');
  const chunks = await chunksOf(response);
  assert.match(chunks.find(({ type }) => type === 'error')?.errorText ?? '', /FUNCTION_INIT_FAILED/);
  const { stdout } = await throughline(['status', '--data-dir', server.dataDir]);
  assert.match(stdout, /^answer: .*nothing-here.* \[FUNCTION_INIT_FAILED\]$/m);
});

test('a data folder that is removed under the server is said by readyz', async (t) => {
  const other = await startServer();
  t.after(() => other.dispose());
  rmSync(other.dataDir, { recursive: true });
  const ready = await fetch(`${other.url}/readyz`);
  const { error } = (await ready.json()) as { error?: { code: string } };
  assert.deepEqual([ready.status, error?.code], [503, 'DATA_DIR_LOST']);
});
