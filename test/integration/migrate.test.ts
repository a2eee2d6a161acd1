// `throughline migrate` between data folders and a broker over TCP: offsets, times, headers, keys, settings and groups are
// the same afterwards; it is killed in the middle and goes on; what cannot be copied faithfully is rejected.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createBroker } from '@throughline/broker';
import { integerBetween, seededRandom, utf8, type LogRecord } from '@throughline/event';
import { kafka, kafkaCluster, openEmbeddedLog, type Log } from '@throughline/log';
import { seed } from '../support/seed.ts';

const main = path.resolve('packages/throughline/src/cli/main.ts');
const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main, 'migrate'];
const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(path.join(os.tmpdir(), 'throughline-migrate-'));
  folders.push(made);
  return made;
}

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly json: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly copiedRecords: number;
        readonly filledRecords: number;
        digest: string;
      }[];
      readonly settingsLeftOut: readonly string[];
    }[];
    readonly groups: readonly { readonly group: string; readonly committed: number; readonly kept: number }[];
    readonly error?: { readonly code: string; readonly message: string };
  };
}

/** In a process of its own; a broker that it talks to may be in this one, hence no synchronous spawn. */
async function migrate(from: string, to: string, ...more: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [...flags, '--from', from, '--to', to, '--json', ...more]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  assert.notEqual(stdout, '', stderr);
  return { status, stderr, json: JSON.parse(stdout) as Outcome['json'] };
}

/** Records of every shape in three partitions. */
async function fill(log: Log, topic: string, calls: number): Promise<void> {
  const random = seededRandom(seed);
  for (let call = 0; call < calls; call++) {
    const records = Array.from({ length: integerBetween(random, 1, 20) }, () => ({
      key: random.float() < 0.2 ? null : utf8(`key-${integerBetween(random, 0, 50)}`),
      value: random.float() < 0.05 ? null : random.bytes(integerBetween(random, 0, 3000)),
      timestampMs: 1_700_000_000_000 + integerBetween(random, 0, 1_000_000),
      headers:
        random.float() < 0.5
          ? []
          : [
              { key: 'tl-type', value: utf8('chunk') },
              { key: 'x', value: null },
            ],
    }));
    await log.append(topic, records);
  }
}

async function allOf(log: Log, topic: string): Promise<LogRecord[][]> {
  const { partitions } = await log.admin.describeTopic(topic);
  return Promise.all(
    partitions.map(async ({ partition, logStartOffset, highWatermark }) => {
      const records: LogRecord[] = [];
      for (let offset = logStartOffset; offset < highWatermark;) {
        const found = await log.read({ topic, partition, offset });
        // A copy has leader epochs of its own: another begins after each kill.
        for (const { key, value, headers, leaderEpoch: _, ...place } of found.records) {
          records.push({
            ...place,
            key: key && new Uint8Array(key),
            value: value && new Uint8Array(value),
            headers: headers.map((header) => ({
              key: header.key,
              value: header.value && new Uint8Array(header.value),
            })),
          });
        }
        offset = found.nextOffset;
      }
      return records;
    }),
  );
}

/** Record by record: what one assertion says of two logs that differ would need more memory than the machine has. */
function assertSame(found: readonly LogRecord[][], expected: readonly LogRecord[][]): void {
  assert.deepEqual(
    found.map(({ length }) => length),
    expected.map(({ length }) => length),
  );
  for (const [partition, records] of expected.entries())
    for (const [index, record] of records.entries()) assert.deepEqual(found[partition]![index], record);
}

test(`a data folder to a broker over TCP and back to another folder: the same records at the same offsets (SEED=${seed})`, async () => {
  const first = folder();
  const source = await openEmbeddedLog({ dataDir: path.join(first, 'log') });
  const config = { durability: 'os', retentionMs: 1e12, recordBytesMax: 70_000 } as const;
  await source.admin.createTopic('notes', { partitions: 3, config });
  await source.admin.createTopic('empty', { partitions: 1 });
  await fill(source, 'notes', 150);
  const expected = await allOf(source, 'notes');
  await source.close();

  const dataDir = folder();
  const broker = await createBroker({ dataDir, nodes: 3 });
  const address = `kafka://${broker.address}`;
  const there = await migrate(first, address);
  assert.equal(there.status, 0, there.stderr);
  const log = await kafka({ bootstrap: address });
  assertSame(await allOf(log, 'notes'), expected);
  const described = await log.admin.describeTopic('notes');
  for (const [name, value] of Object.entries(config))
    assert.equal({ ...described.config }[name as 'durability'], value);
  assert.equal((await log.admin.describeTopic('empty')).partitions.length, 1);
  await log.close();

  const second = folder();
  const back = await migrate(address, second);
  assert.equal(back.status, 0, back.stderr);
  const copy = await openEmbeddedLog({ dataDir: path.join(second, 'log') });
  assertSame(await allOf(copy, 'notes'), expected);
  await copy.close();
  const digests = ({ json }: Outcome): unknown =>
    json.topics.map(({ partitions }) => partitions.map(({ digest }) => digest));
  assert.deepEqual(digests(back), digests(there));
  await broker.close();
});

test(
  'a migration that is killed goes on where it was, and one that is complete copies nothing',
  { timeout: 110_000 },
  async () => {
    const from = folder();
    const to = folder();
    const source = await openEmbeddedLog({ dataDir: path.join(from, 'log') });
    await source.admin.createTopic('notes', { partitions: 3, config: { durability: 'os' } });
    await fill(source, 'notes', 1500);
    const expected = await allOf(source, 'notes');
    await source.close();
    let kills = 0;
    for (const delayMs of [700, 900, 1100]) {
      const child = spawn(process.execPath, [...flags, '--from', from, '--to', to], { stdio: 'ignore' });
      const ended = new Promise<NodeJS.Signals | null>((resolve) =>
        child.once('close', (_, signal) => resolve(signal)),
      );
      await pause(delayMs);
      child.kill('SIGKILL');
      if ((await ended) === 'SIGKILL') kills++;
    }
    assert.ok(kills > 0, 'at least one was killed before its end');
    const rest = await migrate(from, to);
    assert.equal(rest.status, 0, rest.stderr);
    const again = await migrate(from, to);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(
      again.json.topics[0]!.partitions.map(({ copiedRecords }) => copiedRecords),
      [0, 0, 0],
    );
    const copy = await openEmbeddedLog({ dataDir: path.join(to, 'log') });
    assertSame(await allOf(copy, 'notes'), expected);
    await copy.close();
  },
);

test('committed offsets come along, and are not set back at a target that has its own', async () => {
  const [a, b] = [await createBroker({ dataDir: folder() }), await createBroker({ dataDir: folder() })];
  const [from, to] = [`kafka://${a.address}`, `kafka://${b.address}`];
  const source = await kafkaCluster({ bootstrap: from });
  await source.log.admin.createTopic('notes', { partitions: 2 });
  for (const partition of [0, 1]) {
    await source.log.append(
      'notes',
      Array.from({ length: 10 }, () => ({ key: null, value: utf8('x'), partition })),
    );
  }
  const committed = [
    { topic: 'notes', partition: 0, offset: 4n, metadata: 'here' },
    { topic: 'notes', partition: 1, offset: 10n, metadata: '' },
  ];
  await source.commitOffsets('readers', committed);
  const { status, stderr, json } = await migrate(from, to);
  assert.equal(status, 0, stderr);
  assert.deepEqual(json.groups, [{ group: 'readers', committed: 2, kept: 0 }]);
  const target = await kafkaCluster({ bootstrap: to });
  assert.deepEqual(await target.committedOffsets('readers'), committed);
  await target.commitOffsets('readers', [{ ...committed[0]!, offset: 7n }]);
  const again = await migrate(from, to);
  assert.deepEqual(again.json.groups, [{ group: 'readers', committed: 0, kept: 2 }]);
  assert.equal((await target.committedOffsets('readers'))[0]!.offset, 7n);
  for (const { log } of [source, target]) await log.close();
  for (const broker of [a, b]) await broker.close();
});

test('what the source has deleted at its start is deleted in the copy, and offsets stay', async () => {
  const [a, b] = [await createBroker({ dataDir: folder() }), await createBroker({ dataDir: folder() })];
  const source = await kafkaCluster({ bootstrap: a.address });
  await source.log.admin.createTopic('notes', { partitions: 1 });
  await source.log.append(
    'notes',
    Array.from({ length: 30 }, (_, n) => ({ key: null, value: utf8(String(n)) })),
  );
  await source.deleteRecords('notes', 0, 20n);
  const { status, stderr, json } = await migrate(`kafka://${a.address}`, `kafka://${b.address}`);
  assert.equal(status, 0, stderr);
  assert.equal(json.topics[0]!.partitions[0]!.filledRecords, 20);
  const target = await kafka({ bootstrap: b.address });
  const { logStartOffset, highWatermark } = (await target.admin.describeTopic('notes')).partitions[0]!;
  assert.deepEqual([logStartOffset, highWatermark], [20n, 30n]);
  assert.deepEqual(await allOf(target, 'notes'), await allOf(source.log, 'notes'));
  await source.log.close();
  await target.close();
  for (const broker of [a, b]) await broker.close();
});

test('a target with other records is rejected, and a copy that somebody has written to as well', async () => {
  const [from, to] = [folder(), folder()];
  for (const [dataDir, texts] of [
    [from, ['a', 'b', 'c']],
    [to, ['a', 'other']],
  ] as const) {
    const log = await openEmbeddedLog({ dataDir: path.join(dataDir, 'log') });
    await log.admin.createTopic('notes', { partitions: 1 });
    await log.append(
      'notes',
      texts.map((text) => ({ key: null, value: utf8(text), timestampMs: 1 })),
    );
    await log.close();
  }
  const other = await migrate(from, to);
  assert.deepEqual([other.status, other.json.error?.code], [1, 'MIGRATION_REFUSED']);
  assert.match(other.json.error!.message, /notes-0 at offset 1: the target has another record there/);
  const shorter = await migrate(to, from);
  assert.match(shorter.json.error!.message, /the target has records up to 3/);
  const absent = await migrate(from, folder(), '--topics', 'nowhere');
  assert.deepEqual([absent.status, absent.json.error?.code], [1, 'UNKNOWN_TOPIC']);
});

test('its help says what it takes, and a missing side is named', () => {
  const help = spawnSync(process.execPath, [...flags, '--help'], { encoding: 'utf8' });
  assert.equal(help.status, 0);
  for (const option of ['--from', '--to', '--topics', '--gaps', '--json'])
    assert.match(help.stdout, new RegExp(option));
  const missing = spawnSync(process.execPath, [...flags, '--from', '.'], { encoding: 'utf8' });
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /--to is missing.*\[INVALID_ARGUMENT\]/);
});

test('a source that is not there is rejected, and nothing is made in its place', async () => {
  const [source, target] = [path.join(folder(), 'missing'), folder()];
  const { status, json } = await migrate(source, target);
  assert.equal(status, 1);
  assert.equal(json.error?.code, 'INVALID_ARGUMENT');
  assert.match(json.error?.message ?? '', /there is no log in this folder/);
  assert.ok(!existsSync(source));
});

test('a cluster that is not there ends a migration with its error, and not in silence', async () => {
  const { status, json } = await migrate('kafka://127.0.0.1:1', folder());
  assert.equal(status, 1);
  assert.equal(json.error?.code, 'LOG_UNREACHABLE');
});
