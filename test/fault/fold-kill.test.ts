// Folds are killed with SIGKILL in the middle of their transactions and of their replays, again and again, until they have
// reached the end of the log. After every kill the file must hold exactly the records below its own checkpoint, with the
// sums that these records make; at the end it must hold the log. Zombies must be fenced. SEED repeats a run.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { integerBetween, seededRandom, type Random } from '@throughline/event';
import { keyAt, numberAt, partitionCount, recordsPerPartition } from './fold-kill-log.ts';
import { seed } from '../support/seed.ts';

type Store = 'sqlite' | 'duckdb';
const childFile = fileURLToPath(new URL('./fold-kill-child.ts', import.meta.url));

class Child {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly ended: Promise<NodeJS.Signals | null>;
  #changed = Promise.withResolvers<void>();

  constructor(store: Store, path: string, recordsMax: number, what: 'fold' | 'replay' | 'pause') {
    const flags = ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning'];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    this.process = spawn(process.execPath, [...flags, childFile, store, path, String(recordsMax), what], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.process.stdout! }).on('line', (line) => this.#note(line));
    this.ended = new Promise((resolve) => {
      this.process.once('close', (_code, signal) => {
        this.#note('end');
        resolve(signal);
      });
    });
  }

  /** Resolves when the child has said so many lines, or has ended. */
  async said(lineCount: number): Promise<void> {
    while (this.lines.length < lineCount && !this.lines.includes('end')) await this.#changed.promise;
  }

  #note(line: string): void {
    this.lines.push(line);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fold-kill-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state.db');
}

/** All rows of the queries, read with the library itself and not with the fold. */
async function readFile(
  store: Store,
  path: string,
): Promise<Record<'items' | 'totals' | 'checkpoint', Record<string, unknown>[]>> {
  const queries = {
    items: 'select partition, "at", n, total from items order by partition, "at"',
    totals: 'select key, total from totals order by key',
    checkpoint: `select offsets, skipped_records from _throughline_checkpoint${store === 'sqlite' ? '' : 's'}`,
  };
  if (store === 'sqlite') {
    const database = new DatabaseSync(path);
    const read = (sql: string): Record<string, unknown>[] => database.prepare(sql).all();
    const found = { items: read(queries.items), totals: read(queries.totals), checkpoint: read(queries.checkpoint) };
    database.close();
    return found;
  }
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  const read = async (sql: string): Promise<Record<string, unknown>[]> =>
    (await connection.runAndReadAll(sql)).getRowObjectsJson();
  const found = {
    items: await read(queries.items),
    totals: await read(queries.totals),
    checkpoint: await read(queries.checkpoint),
  };
  connection.closeSync();
  instance.closeSync();
  return found;
}

/** Compares the file with what its checkpoint says that it is; returns how many records it has folded. */
async function check(store: Store, path: string): Promise<number> {
  const { items, totals, checkpoint } = await readFile(store, path);
  const offsets = (JSON.parse(String(checkpoint[0]!['offsets'])) as string[]).map(Number);
  const sums = new Map<string, number>();
  const expected: string[] = [];
  let skipped = 0;
  for (const [partition, end] of offsets.entries()) {
    for (let at = 0; at < end; at++) {
      const n = numberAt(partition, at);
      if (n === undefined) {
        skipped++;
        continue;
      }
      const key = keyAt(partition, at);
      sums.set(key, (sums.get(key) ?? 0) + n);
      expected.push([partition, at, n, sums.get(key)].join());
    }
  }
  const found = items.map((row) => [row['partition'], row['at'], row['n'], row['total']].map(Number).join());
  // Said by the first difference: thousands of lines help nobody.
  const wrong = expected.findIndex((row, index) => row !== found[index]);
  assert.equal(found.length, expected.length, `rows at offsets ${offsets.join()}`);
  assert.equal(wrong, -1, `row ${expected[wrong]} is ${found[wrong]}`);
  assert.deepEqual(
    totals.map((row) => [row['key'], Number(row['total'])]),
    [...sums].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  assert.equal(Number(checkpoint[0]!['skipped_records']), skipped);
  return offsets.reduce((sum, offset) => sum + offset, 0);
}

async function killRounds(t: TestContext, store: Store, rounds: number, recordsMax: number): Promise<void> {
  const random: Random = seededRandom(seed);
  const path = file(t);
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const isReplay = round % 4 === 3;
    const child = new Child(store, path, recordsMax, isReplay ? 'replay' : 'fold');
    // The line comes after a commit; the wait puts the kill anywhere in those that follow. A replay says nothing before its end.
    await child.said(1 + (isReplay ? 0 : integerBetween(random, 0, 12)));
    await new Promise((resolve) => setTimeout(resolve, random.float() * (isReplay ? 30 : 8)));
    child.process.kill('SIGKILL');
    if ((await child.ended) === 'SIGKILL') kills++;
    const folded = await check(store, path);
    t.diagnostic(`${isReplay ? 'replay' : 'fold'} killed at ${folded} records`);
  }
  assert.ok(kills >= rounds / 2, `only ${kills} of ${rounds} were killed before their end`);
  const last = new Child(store, path, recordsMax * 10, 'fold');
  await last.ended;
  assert.ok(last.lines.includes('done'), last.lines.slice(-3).join());
  assert.equal(await check(store, path), partitionCount * recordsPerPartition);
  const again = new Child(store, path, recordsMax * 10, 'replay');
  await again.ended;
  assert.ok(again.lines.includes('done'), again.lines.slice(-3).join());
  assert.equal(await check(store, path), partitionCount * recordsPerPartition);
}

test('a fold into SQLite that is killed anywhere holds each record exactly once', async (t) => {
  t.diagnostic(`SEED=${seed}`);
  await killRounds(t, 'sqlite', 10, 40);
});

test('a fold into DuckDB that is killed anywhere holds each record exactly once', async (t) => {
  t.diagnostic(`SEED=${seed}`);
  await killRounds(t, 'duckdb', 10, 200);
});

test('a suspended owner that comes back is fenced and changes nothing', async (t) => {
  const path = file(t);
  const zombie = new Child('sqlite', path, 50, 'pause');
  t.after(() => zombie.process.kill('SIGKILL'));
  // The claim and two batches.
  await zombie.said(3);
  const heir = new Child('sqlite', path, 500, 'fold');
  await heir.ended;
  assert.ok(heir.lines.includes('done'), heir.lines.slice(-3).join());
  zombie.process.kill('SIGCONT');
  await zombie.ended;
  assert.equal(zombie.lines.at(-2), 'FOLD_FENCED');
  assert.equal(await check('sqlite', path), partitionCount * recordsPerPartition);
});

test('two owners at once leave each record once, and the newer one goes on', async (t) => {
  const path = file(t);
  const older = new Child('sqlite', path, 1, 'fold');
  await older.said(1);
  const newer = new Child('sqlite', path, 1, 'fold');
  await Promise.all([older.ended, newer.ended]);
  // A quick one may have reached the end before the other one came.
  assert.match(older.lines.at(-2)!, /^(FOLD_FENCED|done)$/);
  assert.equal(newer.lines.at(-2), 'done');
  assert.equal(await check('sqlite', path), partitionCount * recordsPerPartition);
});

test('a suspended owner of a DuckDB file keeps everybody else out of it', async (t) => {
  const path = file(t);
  const zombie = new Child('duckdb', path, 500, 'pause');
  t.after(() => zombie.process.kill('SIGKILL'));
  await zombie.said(3);
  const rejected = new Child('duckdb', path, 500, 'fold');
  await rejected.ended;
  assert.equal(rejected.lines.at(-2), 'DATA_DIR_IN_USE');
  zombie.process.kill('SIGKILL');
  await zombie.ended;
  const heir = new Child('duckdb', path, 2000, 'fold');
  await heir.ended;
  assert.equal(await check('duckdb', path), partitionCount * recordsPerPartition);
});
