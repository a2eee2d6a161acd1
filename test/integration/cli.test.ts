// The commands against a running server, and without one: what they print, as text and as JSON, and how they fail.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { utf8 } from '@throughline/event';
import { kafkaCluster } from '@throughline/log';
import { postQuestion, uiChunks } from '../support/chat.ts';
import { throughline, type Ended, type RunOptions } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

interface RecordLine {
  readonly partition: number;
  readonly offset: string;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly { readonly key: string; readonly value: string | null }[];
}

let server: TestServer;
before(async () => {
  server = await startServer();
  const response = await postQuestion(server.url, 'told', 'told-q', 'name=told tokens=3 paceMs=1');
  for await (const chunk of uiChunks(response)) void chunk;
});
after(() => server.dispose());

const run = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  throughline([...args, '--data-dir', server.dataDir], options);

async function output(args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(args, options);
  assert.equal(code, 0, stderr);
  return stdout;
}
async function json<T>(...args: string[]): Promise<T> {
  return JSON.parse(await output([...args, '--json'])) as T;
}
async function records(...args: string[]): Promise<RecordLine[]> {
  const lines = (await output(['consume', 'conversations', '--json', ...args])).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as RecordLine);
}
async function assertFails(args: readonly string[], code: string, says: RegExp, options?: RunOptions): Promise<void> {
  const ended = await run(args, options);
  assert.match(ended.stderr, says);
  assert.match(ended.stderr, new RegExp(String.raw`^throughline: .* \[${code}\] \S.*\n$`));
  assert.equal(ended.code, 1);
}

describe('looking', { concurrency: 2 }, () => {
  test('status shows topics, functions with their pids, and folds', async () => {
    const text = await output(['status']);
    assert.match(
      text,
      new RegExp(`^throughline 0\\.1\\.0  pid ${server.pid}  ${server.url}/  log embedded  durability fsync\n`),
    );
    assert.match(text, /^conversations +4 +\d+ +[\d.]+ KiB +online$/m);
    assert.match(text, /^answer +\S+ +\d+ +idle +1 /m);
    assert.match(text, /^turns +live +\d+ +0$/m);
    const status = await json<{ pid: number; functions: { environments: { pid: number; state: string }[] }[] }>(
      'status',
    );
    assert.equal(status.pid, server.pid);
    assert.ok(status.functions[0]?.environments.every(({ pid }) => pid > 0));
  });

  test('doctor finds nothing broken', async () => {
    const findings = await json<{ check: string; state: string }[]>('doctor');
    assert.deepEqual(new Set(findings.map(({ check }) => check)).size, 10);
    assert.deepEqual(
      findings.filter(({ state }) => state === 'broken'),
      [],
    );
    assert.match(await output(['doctor']), /^ok +server +pid \d+ at http:\S+, log embedded$/m);
  });

  test('topics lists each partition', async () => {
    assert.match(await output(['topics']), /^conversations +3 +0 +\d+ +\S+ \S+ +fsync +online$/m);
    const [topic] = await json<{ topic: string; partitions: unknown[] }[]>('topics');
    assert.deepEqual([topic?.topic, topic?.partitions.length], ['conversations', 4]);
  });

  test('a topic is made on the server and deleted; one that the server relies on stays, for the reason that it gives', async () => {
    await assertFails(['produce', 'notes', 'hello'], 'UNKNOWN_TOPIC', /`throughline topics create NAME` makes one/);
    await output(['topics', 'create', 'notes']);
    assert.match(await output(['produce', 'notes', 'hello']), /^notes-\d@0\n$/);
    await assertFails(['topics', 'delete', 'conversations', '--yes'], 'INVALID_ARGUMENT', /conversations is protected/);
    await output(['topics', 'delete', 'notes', '--yes']);
    await assertFails(['topics', 'describe', 'notes'], 'UNKNOWN_TOPIC', /notes/);
  });

  test('sql prints rows, and rejects what is wrong and what writes', async () => {
    assert.match(await output(['sql', 'select question, outcome from turns']), /name=told.*done/);
    const rows = await json<{ outcome: string }[]>('sql', 'select outcome from turns');
    assert.deepEqual(rows, [{ outcome: 'done' }]);
    await assertFails(['sql', 'select nothing from nowhere'], 'SQL_INVALID', /nowhere/);
    await assertFails(['sql', 'delete from turns'], 'SQL_INVALID', /./);
  });

  test('sql tells null, empty text and text apart, and escapes what a terminal would obey', async () => {
    const forms = "select null as a, '' as b, 'null' as c, '-' as d, chr(27) || '[2J' || chr(8238) as e";
    assert.equal(
      await output(['sql', forms]),
      'a     b   c       d    e\nnull  ""  "null"  "-"  "\\u001b[2J\\u202e"\n',
    );
    const wide = await output(['sql', 'select 1764500000000000001::bigint as n', '--json']);
    assert.deepEqual(JSON.parse(wide), [{ n: '1764500000000000001' }]);
  });

  test('status counts the records that are there, not those that were deleted', async () => {
    const { kafka } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as { kafka: string };
    const cluster = await kafkaCluster({ bootstrap: kafka });
    try {
      await cluster.createTopic('deleted', 2, new Map());
      const values = Array.from({ length: 100 }, (_, index) => ({
        key: null,
        value: utf8(String(index)),
        partition: 0,
      }));
      await cluster.log.append('deleted', values);
      assert.match(await output(['status']), /^deleted +2 +100 /m);
      await cluster.deleteRecords('deleted', 0, 90n);
      assert.match(await output(['status']), /^deleted +2 +10 /m);
    } finally {
      await cluster.log.admin.deleteTopic('deleted');
      await cluster.log.close();
    }
  });

  test('functions lists what there is, and describes one', async () => {
    assert.match(await output(['functions']), /^answer +\d+ +\d+ +\d+ +\d+ +\d+/m);
    const text = await output(['functions', 'describe', 'answer']);
    assert.match(text, /^answer  \d+ MB  time-out \d+ ms/);
    assert.match(text, /^\d+ invocations \(\d+ cold, \d+ failed\)/m);
    assert.doesNotMatch(text, /concurrency/);
    const reserve = (init: RequestInit) => fetch(`${server.url}/2017-10-31/functions/answer/concurrency`, init);
    await reserve({ method: 'PUT', body: '{"ReservedConcurrentExecutions":7}' });
    assert.match(await output(['functions', 'describe', 'answer']), /^reserved concurrency 7, provisioned none$/m);
    assert.equal((await reserve({ method: 'DELETE' })).status, 204);
    const [listed] = await json<{ name: string; triggers: unknown[] }[]>('functions');
    assert.deepEqual([listed?.name, listed?.triggers], ['answer', []]);
    for (const [verbs, code] of [
      [['describe', 'nobody'], 'UNKNOWN_FUNCTION'],
      [['describe'], 'INVALID_ARGUMENT'],
      [['forget', 'answer'], 'INVALID_ARGUMENT'],
      [['invocations'], 'INVALID_ARGUMENT'],
      [['logs'], 'INVALID_ARGUMENT'],
    ] as const) {
      await assert.rejects(output(['functions', ...verbs]), new RegExp(`\\[${code}\\]`));
    }
  });

  test('functions invocations lists what a function did, and functions logs what it printed', async () => {
    assert.match(
      await output(['functions', 'invocations', 'answer', '--limit', '1']),
      /^ended +request id +duration .*\n\S+Z +\S+ +[\d.]+ ms +\d+ ms +(cold|warm) +[\d.]+ \w+ +(ok|failed)\n$/,
    );
    const [last] = await json<{ requestId: string; billedMs: number; isCold: boolean }[]>(
      'functions',
      'invocations',
      'answer',
    );
    assert.ok(last !== undefined && last.billedMs > 0 && last.requestId !== '');
    assert.equal(
      await output(['functions', 'logs', 'answer', '--limit', '5']),
      await output(['logs', 'answer', '--limit', '5']),
    );
  });

  test('logs shows how invocations ended', async () => {
    assert.match(await output(['logs', 'answer']), /answer  invocation ended \(.*isCold=/);
    const lines = (await output(['logs', '--json'])).trim().split('\n');
    assert.ok(lines.every((line) => typeof (JSON.parse(line) as { msg: unknown }).msg === 'string'));
    assert.equal(await output(['logs', 'nobody']), '');
  });

  test('version and help need no server', async () => {
    assert.match((await throughline(['version'])).stdout, /^throughline 0\.1\.0 \(Node\.js v?2\d\./);
    const help = (await throughline(['--help'])).stdout;
    for (const verb of 'dev start status doctor broker topics produce consume groups sql logs version'.split(' '))
      assert.match(help, new RegExp(`^  ${verb} `, 'm'));
    assert.match((await throughline(['consume', '--help'])).stdout, /--follow/);
  });
});

describe('records', () => {
  test('consume begins at an offset, at a time, at the end, and stops at a limit', async () => {
    const all = await records();
    const { partition, timestampMs } = all.find(({ key }) => key === 'conversations/told') as RecordLine;
    const mine = all.filter((record) => record.partition === partition);
    const only = ['--partition', String(partition)];
    assert.deepEqual(await records(...only), mine);
    assert.deepEqual(await records(...only, '--offset', '2'), mine.slice(2));
    assert.deepEqual(await records(...only, '--limit', '1'), mine.slice(0, 1));
    assert.deepEqual(await records('--offset', 'latest'), []);
    assert.deepEqual(await records('--time', new Date(timestampMs).toISOString()), all);
    assert.deepEqual(await records('--time', String(Date.now() + 60_000)), []);
    assert.match(
      await output(['consume', 'conversations', ...only]),
      /^\d@0  20\S+Z  conversations\/told  \S+-created  /,
    );
  });

  test('consume --follow shows what is produced after it began, until it is interrupted', async () => {
    const following = run(['consume', 'conversations', '--follow', '--offset', 'latest'], { interruptAt: 'followed' });
    const over = new AbortController();
    void following.then(() => over.abort());
    // It begins some time after its start; what was produced before that is not for it.
    while (!over.signal.aborted) await run(['produce', 'conversations', 'followed', '--key', 'other']);
    const { code, stdout } = await following;
    assert.equal(code, 0);
    assert.match(stdout, /^\d@\d+ .* {2}other {2}- {2}followed$/m);
  });

  test('produce appends a value with key and headers, and the lines of standard input in order', async () => {
    const said = await output(['produce', 'conversations', 'one', '--key', 'k', '--header', 'a=1', 'b=2=3']);
    const [, partition = '', offset = ''] = /^conversations-(\d)@(\d+)\n$/.exec(said) ?? [];
    const at = ['--partition', partition, '--offset', offset];
    const [record] = await records(...at);
    assert.deepEqual([record?.key, record?.value], ['k', 'one']);
    assert.deepEqual(record?.headers, [
      { key: 'a', value: '1' },
      { key: 'b', value: '2=3' },
    ]);
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
    await output(['produce', 'conversations', '--key', 'k', '--json'], { input: `${lines.join('\n')}\n` });
    assert.deepEqual(
      (await records(...at)).slice(1).map(({ value }) => value),
      lines,
    );
  });

  test('produce says what becomes of a record that is no event, on the topic of events alone', async () => {
    const { code, stderr } = await run(['produce', 'conversations', 'x']);
    assert.equal(code, 0);
    assert.equal(
      stderr,
      'conversations is for events: a record that is none is kept, and every reader of the topic skips and counts it\n',
    );
  });

  test('a record that is no event is skipped, counted and shown by status, and stops nothing', async () => {
    const skipped = async (): Promise<number[]> =>
      (await json<{ folds: { skippedRecords: number }[] }>('status')).folds.map((fold) => fold.skippedRecords);
    const before = await skipped();
    const rubbish = ['{"no":"event"', '', '[]'];
    await output(['produce', 'conversations', '--key', 'conversations/told', '--header', 'tl-type=message-created'], {
      input: `${rubbish.join('\n')}\n`,
    });
    const response = await postQuestion(server.url, 'told', 'told-again', 'name=again tokens=3 paceMs=1');
    for await (const chunk of uiChunks(response)) void chunk;
    // The table's row comes after the rubbish in its fold.
    while ((await json<unknown[]>('sql', "select 1 from turns where question like '%again%'")).length === 0);
    assert.deepEqual(
      await skipped(),
      before.map((count) => count + rubbish.length),
    );
    assert.match(await output(['doctor']), /^warning +fold +\S+: \d+ records skipped as invalid/m);
  });

  test('what cannot be read or appended is rejected', async () => {
    await assertFails(['consume', 'nope'], 'UNKNOWN_TOPIC', /nope/);
    await assertFails(['produce', 'nope', 'value'], 'UNKNOWN_TOPIC', /nope/);
    await assertFails(['consume', 'conversations', '--partition', '9'], 'UNKNOWN_TOPIC', /conversations-9/);
    await assertFails(
      ['consume', 'conversations', '--partition', '0', '--offset', '999999'],
      'OFFSET_OUT_OF_RANGE',
      /999999/,
    );
    await assertFails(['consume', 'conversations', '--offset', '1'], 'INVALID_ARGUMENT', /name the partition as well/);
    await assertFails(['consume', 'conversations', '--limit', 'many'], 'INVALID_ARGUMENT', /--limit: "many"/);
    await assertFails(['consume', 'conversations', '--time', 'noon'], 'INVALID_ARGUMENT', /--time: "noon"/);
    await assertFails(['produce', 'conversations', 'x', '--header', 'none'], 'INVALID_ARGUMENT', /expected name=value/);
    await assertFails(['produce', 'conversations'], 'BODY_TOO_LARGE', /./, { input: 'x'.repeat(2 * 1024 * 1024) });
  });
});

describe('without a server', { concurrency: 2 }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-cli-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string[] => ['--data-dir', path.join(folder, name)];

  test('every verb says in one line that no server runs, and how to start one', async () => {
    for (const args of [
      ['status'],
      ['topics'],
      ['topics', 'create', 't'],
      ['consume', 't'],
      ['produce', 't', 'v'],
      ['sql', 'select 1'],
      ['logs'],
    ]) {
      const { code, stdout, stderr } = await throughline([...args, ...at('none')]);
      assert.deepEqual([code, stdout], [1, ''], args[0]);
      assert.match(stderr, /^throughline: .*none.*\[SERVER_NOT_RUNNING\] Start one with `npm start`.*\n$/);
    }
    const { stdout } = await throughline(['status', '--json', ...at('none')]);
    assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'SERVER_NOT_RUNNING');
  });

  test('doctor says so as a warning, and finds a damaged server.json', async () => {
    const { code, stdout } = await throughline(['doctor', ...at('none')]);
    assert.equal(code, 0);
    assert.match(stdout, /^warning +server +no server runs on .*none/m);
    writeFileSync(path.join(folder, 'server.json'), '{"pid": 1');
    assert.match((await throughline(['doctor', ...at('.')])).stdout, /^warning +server .*server\.json is damaged/m);
  });

  test('verbs of the contract that are not built yet say so', async () => {
    for (const verb of ['start']) {
      const { code, stderr } = await throughline([verb, '--some-option', 'value']);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(String.raw`^throughline: throughline ${verb}: .*\[NOT_BUILT_YET\].*\n$`));
    }
  });

  test('an unknown verb, an unknown option and a missing argument point to --help', async () => {
    for (const args of [['statsu'], ['status', '--colour'], ['consume']]) {
      const { code, stderr } = await throughline(args);
      assert.notEqual(code, 0);
      assert.match(stderr, /^error: .*\n(\(Did you mean status\?\)\n)?`throughline --help` lists the commands/);
    }
  });
});
