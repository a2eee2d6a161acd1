// What the one loop over a topic does for whoever uses it: it notices what becomes of its topic, passes what it may pass,
// and never reads on over another history by itself.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ThroughlineError, type LogRecord } from '@throughline/event';
import type { HistoryBreak } from './history-break.ts';
import { Bench, failure, valueOf } from './test-support.ts';

const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

describe('a consumer', () => {
  test('reads partitions that are added while it runs, from their first record', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    bench.memory.grow('words', 3);
    await bench.append(['b'], 2);
    await bench.clock.advance(5_000);
    await bench.until(() => bench.taken.length === 2);
    assert.deepEqual(bench.taken, ['a', 'b']);
    assert.deepEqual(bench.consumer.positions, [1n, 0n, 1n]);
    await bench.append(['c'], 1);
    await bench.until(() => bench.taken.length === 3);
  });

  test('starts over on a topic that was deleted and made again, where its user says so', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a', 'b', 'c']);
    await bench.live();
    const causes: HistoryBreak[] = [];
    bench.onBreak = (cause) => {
      causes.push(cause);
      return { offsets: [] };
    };
    await bench.remake(['x']);
    await bench.consumer.caughtUp();
    assert.deepEqual(bench.taken, ['a', 'b', 'c', 'x']);
    assert.deepEqual(
      causes.map(({ kind, error }) => [kind, error?.code]),
      [['remade', 'FOLD_LOG_CHANGED']],
    );
    assert.equal(bench.consumer.problem, undefined);
  });

  test('stands still with the reason where its user says so, and tells whoever asks', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a', 'b', 'c']);
    await bench.live();
    bench.onBreak = ({ error }) => {
      throw error!;
    };
    await bench.remake(['x']);
    assert.equal((await bench.consumer.stopped)?.code, 'FOLD_LOG_CHANGED');
    assert.equal(bench.consumer.problem?.code, 'FOLD_LOG_CHANGED');
    await assert.rejects(bench.consumer.caughtUp(), withCode('FOLD_LOG_CHANGED'));
    assert.deepEqual(bench.taken, ['a', 'b', 'c']);
  });

  test('says that its topic is gone for as long as it is gone', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
    await bench.phase('absent');
    await bench.clock.advance(60_000);
    assert.deepEqual([bench.consumer.phase.name, bench.consumer.problem?.code], ['absent', 'UNKNOWN_TOPIC']);
    assert.equal(bench.logged.filter(({ level }) => level === 'error').length, 1, 'it is said once');
    await bench.make(['x']);
    await bench.clock.advance(1_000);
    await bench.until(() => bench.taken.includes('x'));
  });

  test('notices a remade topic also where its tail hears nothing of it', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    bench.isDeaf = true;
    await bench.live();
    await bench.remake(['x']);
    await bench.clock.settle();
    assert.deepEqual(bench.taken, ['a']);
    await bench.clock.advance(5_000);
    await bench.until(() => bench.taken.includes('x'));
  });

  test('notices after a failure that the log has other records under the same offsets', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a', 'b', 'c']);
    await bench.live();
    const causes: string[] = [];
    bench.onBreak = ({ kind }) => {
      causes.push(kind);
      return { offsets: [] };
    };
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    bench.memory.loseFrom('words', 0, 1n);
    await bench.append(['y', 'z', 'more']);
    await bench.clock.advance(200);
    await bench.until(() => bench.taken.includes('more'));
    assert.deepEqual(causes, ['changed']);
    assert.deepEqual(bench.taken, ['a', 'b', 'c', 'a', 'y', 'z', 'more']);
  });

  test('takes the word of a log that says it has diverged', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    const causes: unknown[] = [];
    bench.onBreak = ({ kind, error }) => {
      causes.push(kind, error?.code);
      return { offsets: [] };
    };
    bench.cut(failure('LOG_DIVERGED'));
    await bench.until(() => bench.taken.length === 2);
    assert.deepEqual(causes, ['changed', 'FOLD_LOG_CHANGED']);
  });

  test('goes on from the same place where the log came back with the same records', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a', 'b', 'c']);
    await bench.live();
    bench.cut(failure('LOG_UNREACHABLE'));
    await bench.phase('waiting');
    await bench.append(['d']);
    await bench.clock.advance(200);
    await bench.phase('live');
    assert.deepEqual(bench.taken, ['a', 'b', 'c', 'd']);
  });

  test('tries a failed restart again, with the same break', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    const kinds: string[] = [];
    bench.onBreak = ({ kind }) => {
      kinds.push(kind);
      if (kinds.length < 3) throw failure('OUT_OF_DISK');
      return { offsets: [] };
    };
    await bench.remake(['x']);
    await bench.phase('waiting');
    await bench.clock.advance(200);
    await bench.clock.advance(400);
    await bench.until(() => bench.taken.includes('x'));
    assert.deepEqual(kinds, ['remade', 'remade', 'remade']);
  });

  test('rejects whoever waits for an offset of a history that has ended', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    const waiting = assert.rejects(bench.consumer.reached([50n]), withCode('FOLD_LOG_CHANGED'));
    await bench.remake([]);
    await waiting;
  });

  test('that is asked to begin again while its topic is away says why it cannot', async (t) => {
    const bench = new Bench(t);
    await bench.make(['a']);
    await bench.live();
    await bench.memory.admin.deleteTopic('words');
    await bench.phase('absent');
    await assert.rejects(bench.consumer.restart(), withCode('UNKNOWN_TOPIC'));
    await bench.phase('absent');
  });

  test('counts as lag only what it can still read', async (t) => {
    const bench = new Bench(t);
    await bench.make([]);
    await bench.live();
    const description = await bench.memory.admin.describeTopic('words');
    bench.memory.admin.describeTopic = async () => ({
      ...description,
      partitions: [{ ...description.partitions[0]!, logStartOffset: 90n, highWatermark: 100n }],
    });
    await bench.clock.advance(5_000);
    assert.equal(bench.consumer.lagRecords, 10);
  });
});

describe('a consumer that hands on record by record', () => {
  const each = (take: (record: LogRecord) => void) => (): { handOn: { kind: 'each'; take: typeof take } } => ({
    handOn: { kind: 'each', take },
  });

  test('awaits nothing between two records of a step', async (t) => {
    const turns: number[] = [];
    let turn = 0;
    const bench = new Bench(
      t,
      each(() => {
        turns.push(turn);
        queueMicrotask(() => void turn++);
      }),
    );
    await bench.make(['a', 'b', 'c', 'd']);
    await bench.live();
    assert.deepEqual(turns, [0, 0, 0, 0]);
  });

  test('passes what is no event and what its user chokes on, and says so', async (t) => {
    const seen: string[] = [];
    const bench = new Bench(
      t,
      each((record) => {
        const value = valueOf(record);
        if (value === 'bad') throw new ThroughlineError('INVALID_EVENT', 'no word');
        if (value === 'bug') throw new TypeError('a defect');
        seen.push(value);
      }),
    );
    await bench.make(['a', 'bad', 'bug', 'b']);
    await bench.live();
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal(bench.consumer.skippedRecords, 2);
    assert.deepEqual(
      bench.logged.map(({ level, fields }) => [level, fields['offset']]),
      [
        ['warn', '1'],
        ['error', '2'],
      ],
    );
  });

  test('writes its checkpoint at a distance, again after one that failed, and a last one when it closes', async (t) => {
    const saved: (readonly bigint[])[] = [];
    let isFull = true;
    const bench: Bench = new Bench(t, () => ({
      handOn: {
        kind: 'each',
        take: () => {},
        checkpoint: {
          afterMs: 2_000,
          isUrgent: () => false,
          urgentRecordsMin: 1000,
          save: async () => {
            if (isFull) throw failure('OUT_OF_DISK');
            saved.push([...bench.consumer.positions]);
          },
        },
      },
    }));
    await bench.make(['a']);
    await bench.live();
    await bench.clock.advance(2_000);
    assert.deepEqual(
      bench.logged.map(({ message }) => message),
      ['a checkpoint was not written'],
    );
    isFull = false;
    await bench.append(['b']);
    await bench.until(() => bench.consumer.positions[0] === 2n);
    await bench.clock.advance(2_000);
    assert.deepEqual(saved, [[2n]]);
    await bench.append(['c']);
    await bench.until(() => bench.consumer.positions[0] === 3n);
    await bench.consumer.close();
    assert.deepEqual(saved, [[2n], [3n]]);
  });
});
