// What stands at the edges of a log, as the commands show it: timestamps that are no time, records that were deleted, null
// beside empty text, and ids and values that a terminal would obey. Each of these was shown wrong, or ended a command.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { utf8, type ProducerRecord } from '@throughline/event';
import { kafkaCluster, type KafkaCluster } from '@throughline/log';
import { throughline, type Ended } from '../support/cli.ts';

const anyTime = new Map([
  ['message.timestamp.after.max.ms', '9223372036854775807'],
  ['message.timestamp.before.max.ms', '9223372036854775807'],
]);
const dangerous = 'a\u001b[2J\r\n\u0007\u009b1m\u202eb\u2028';
// oxlint-disable-next-line no-control-regex
const obeyed = /(?!\n)[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

let broker: RunningBroker;
let cluster: KafkaCluster;
before(async () => {
  broker = await createBroker({ memory: true });
  cluster = await kafkaCluster({ bootstrap: broker.address });
});
after(async () => {
  await cluster.log.close();
  await broker.close();
});

const run = (...args: string[]): Promise<Ended> => throughline([...args, '--bootstrap', broker.address]);
async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args);
  assert.equal(code, 0, stderr);
  return stdout;
}
const linesOf = async (...args: string[]): Promise<string[]> => (await output(...args)).trimEnd().split('\n');

describe('timestamps', { concurrency: 2 }, () => {
  const times: readonly (number | bigint)[] = [
    5,
    -1n,
    1_764_500_000_000,
    1_764_500_000_000_000_000n,
    1_764_500_000_000_000_001n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    8.64e15 + 1,
    1_764_500_000_001,
  ];
  before(async () => {
    await cluster.createTopic('times', 1, anyTime);
    for (const time of times) {
      const at = typeof time === 'bigint' ? { exactTimestampMs: time } : { timestampMs: time };
      await cluster.log.append('times', [{ key: null, value: utf8(String(time)), ...at }]);
    }
    // The same in one batch, as deltas from a base that a number does not hold.
    const batch = times.map((time): ProducerRecord => {
      const at = typeof time === 'bigint' ? { exactTimestampMs: time } : { timestampMs: time };
      return { key: null, value: utf8(String(time)), ...at };
    });
    await cluster.log.append('times', batch.toReversed());
  });

  test('every record is shown, one that has no time with its number', async () => {
    const shown = (await linesOf('consume', 'times')).map((line) => line.split('  ')[1]);
    const expected = times.map((time) =>
      typeof time === 'number' && time <= 8.64e15 ? new Date(time).toISOString() : String(time),
    );
    assert.deepEqual(shown, [...expected, ...expected.toReversed()]);
  });

  test('--json keeps every digit: as a number where JSON holds it, else as text', async () => {
    for (const line of await linesOf('consume', 'times', '--json')) {
      const { timestampMs, value } = JSON.parse(line) as { timestampMs: number | string; value: string };
      assert.equal(String(timestampMs), value);
      assert.equal(typeof timestampMs === 'number', Number.isSafeInteger(Number(value)));
    }
  });

  test('a time is stated in UTC, and one that cannot be meant is rejected', async () => {
    const followed = await run('consume', 'times', '--time', '2025-11-30T10:53', '--limit', '1');
    assert.match(followed.stderr, /^records from 2025-11-30T10:53:00\.000Z \(UTC\) on\n$/);
    assert.match(followed.stdout, /^0@2 /);
    for (const time of ['1796040000', '-1']) {
      for (const args of [
        ['consume', 'times', `--time=${time}`],
        ['groups', 'reset', 'g', '--topics', 'times', `--to-time=${time}`],
      ]) {
        const { code, stderr } = await run(...args);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`^throughline: --(to-)?time: "${time}".*\\[INVALID_ARGUMENT\\] \\S.*\n$`));
      }
    }
  });

  test('the plan of a reset says the instant in UTC', async () => {
    const environment = { TZ: 'America/New_York' };
    const args = ['groups', 'reset', 'g', '--topics', 'times', '--bootstrap', broker.address];
    for (const [text, instant] of [
      ['2026-11-30T10:00', '2026-11-30T10:00:00.000Z'],
      ['2026-11-30T10:00-05:00', '2026-11-30T15:00:00.000Z'],
    ] as const) {
      const plan = await throughline([...args, '--to-time', text], { environment });
      assert.match(plan.stdout, new RegExp(`^to the first records from ${instant} \\(UTC\\) on\n`));
      const json = await throughline([...args, '--to-time', text, '--json'], { environment });
      const { time, timeMs } = JSON.parse(json.stdout) as { time: string; timeMs: number };
      assert.deepEqual([time, timeMs], [instant, Date.parse(instant)]);
    }
  });
});

describe('records that are deleted', () => {
  test('count for nobody: not as lag of a group, not in doctor', async () => {
    await cluster.createTopic('deleted', 1, new Map());
    const records = Array.from({ length: 100 }, (_, index) => ({ key: null, value: utf8(String(index)) }));
    await cluster.log.append('deleted', records);
    const committed = (offset: bigint) => [{ topic: 'deleted', partition: 0, offset, metadata: '' }];
    await cluster.commitOffsets('behind', committed(10n));
    const lag = async (): Promise<string | undefined> => {
      const { offsets } = JSON.parse(await output('groups', 'describe', 'behind', '--json')) as {
        offsets: { lag: string }[];
      };
      return offsets[0]?.lag;
    };
    assert.equal(await lag(), '90');
    await cluster.deleteRecords('deleted', 0, 40n);
    assert.equal(await lag(), '60');
    await cluster.deleteRecords('deleted', 0, 100n);
    assert.equal(await lag(), '0');
    await cluster.commitOffsets('behind', committed(100n));
    assert.equal(await lag(), '0');
  });
});

describe('null, empty text and text', () => {
  test('have three forms in columns that are always there, and produce writes all three', async () => {
    await cluster.createTopic('forms', 1, new Map());
    for (const args of [
      ['--key', 'k', '--null-value'],
      ['', '--key', 'k'],
      ['null', '--key', 'null'],
      ['-', '--key', '-'],
      ['v', '--null-key'],
      ['v', '--key', ''],
      ['v', '--header', 'tl-type=x'],
      ['two  blanks', '--key', 'two  blanks'],
    ]) {
      await output('produce', 'forms', ...args);
    }
    assert.deepEqual(
      (await linesOf('consume', 'forms')).map((line) => line.replace(/^0@\d+ {2}\S+Z {2}/, '')),
      [
        'k  -  null',
        'k  -  ""',
        '"null"  -  "null"',
        '"-"  -  "-"',
        'null  -  v',
        '""  -  v',
        'null  x  v',
        '"two  blanks"  -  two  blanks',
      ],
    );
    const values = (await linesOf('consume', 'forms', '--json', '--limit', '3')).map(
      (line) => (JSON.parse(line) as { value: string | null }).value,
    );
    assert.deepEqual(values, [null, '', 'null']);
  });

  test('a value beside --null-value, and a key beside --null-key, are rejected', async () => {
    for (const args of [
      ['v', '--null-value'],
      ['v', '--null-key', '--key', 'k'],
    ]) {
      const { code, stderr } = await run('produce', 'forms', ...args);
      assert.equal(code, 1);
      assert.match(stderr, /give one of them \[INVALID_ARGUMENT\]/);
    }
  });
});

describe('what a terminal would obey', () => {
  before(async () => {
    await cluster.createTopic('foreign', 1, new Map());
    const value = utf8(dangerous);
    await cluster.log.append('foreign', [{ key: value, value, headers: [{ key: 'tl-type', value }] }]);
    await cluster.commitOffsets(dangerous, [{ topic: 'foreign', partition: 0, offset: 0n, metadata: dangerous }]);
  });

  test('is escaped in every line that is printed', async () => {
    for (const args of [
      ['consume', 'foreign'],
      ['groups', 'list'],
      ['groups', 'describe', dangerous],
      ['groups', 'reset', dangerous, '--to-earliest'],
      ['groups', 'describe', `${dangerous}?`],
      ['consume', dangerous],
      ['consume', 'foreign', '--time', dangerous],
      ['produce', 'foreign', 'v', '--header', dangerous],
      ['topics', dangerous],
    ]) {
      for (const asJson of args[0] === 'groups' ? [['--json'], []] : [[]]) {
        const { stdout, stderr } = await run(...args, ...asJson);
        assert.doesNotMatch(stdout, obeyed, `${args.join(' ')} ${asJson.join('')}`);
        assert.doesNotMatch(stderr, obeyed, `${args.join(' ')} ${asJson.join('')}`);
      }
    }
    assert.equal((await linesOf('consume', 'foreign')).length, 1);
  });

  test('is escaped in what functions have printed, and in names of folders', async (t) => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'cli-edges-\u001b[31m\u202e'));
    t.after(() => rmSync(dataDir, { recursive: true }));
    const line = { level: 40, time: dangerous, msg: dangerous, function: dangerous, line: dangerous };
    const warning = { level: 50, time: 'now', msg: dangerous, err: { message: dangerous }, [dangerous]: dangerous };
    writeFileSync(path.join(dataDir, 'server.log'), `${JSON.stringify(line)}\n${JSON.stringify(warning)}\n`);
    for (const args of [['logs'], ['logs', '--json'], ['doctor'], ['status'], ['status', '--json']]) {
      const { stdout, stderr } = await throughline([...args, '--data-dir', dataDir]);
      assert.doesNotMatch(stdout, obeyed, args.join(' '));
      assert.doesNotMatch(stderr, obeyed, args.join(' '));
      if (args[0] === 'logs') assert.equal(stdout.split('\n').length, 3);
    }
  });

  test('means the same to a program as before', async () => {
    const line = await output('consume', 'foreign', '--json');
    const { key, value } = JSON.parse(line) as { key: string; value: string };
    assert.deepEqual([key, value], [dangerous, dangerous]);
    assert.equal(line.split('\n').length, 2);
  });
});
