import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, type ErrorCode, type UiChunk } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { ChunkAppender } from './chunk-appender.ts';

/** A log that answers when the test says so. */
class Recorder {
  readonly clock = new VirtualClock();
  readonly appended: { chunks: readonly UiChunk[]; seq: number; isLast: boolean; atMs: number }[] = [];
  readonly pressure: boolean[] = [];
  readonly failures: ErrorCode[] = [];
  /** Answers that are due, in the order of the appends. */
  readonly pending: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly appender = new ChunkAppender({
    clock: this.clock,
    windowMs: 20,
    bytesMax: 100,
    recordBytesMax: 300,
    pendingBytesMax: 200,
    retryMs: 50,
    retriesMax: 2,
    onPressure: (isHigh) => this.pressure.push(isHigh),
    onFailed: (error) => this.failures.push(error.code),
  });
  readonly writer = {
    append: (chunks: readonly UiChunk[], seq: number, isLast: boolean): Promise<void> => {
      this.appended.push({ chunks, seq, isLast, atMs: this.clock.monotonicMs() });
      return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
    },
  };

  push(name: string, bytes = 10): void {
    this.appender.push({ type: name }, bytes);
  }

  async acknowledge(): Promise<void> {
    this.pending.shift()!.resolve();
    await this.clock.advance(0);
  }

  async reject(code: ErrorCode): Promise<void> {
    this.pending.shift()!.reject(new ThroughlineError(code, 'as the test wants it'));
    await this.clock.advance(0);
  }

  names(): string[] {
    return this.appended.map(({ chunks, seq, isLast }) => {
      const types = chunks.map(({ type }) => type).join('+');
      return `${seq}:${types}${isLast ? '!' : ''}`;
    });
  }
}

test('nothing is appended before the run is owned; then what was held shares the first record', async () => {
  const log = new Recorder();
  log.push('a');
  log.push('b');
  await log.clock.advance(1000);
  assert.deepEqual(log.names(), []);
  log.appender.open(log.writer, 3);
  await log.clock.advance(0);
  assert.deepEqual(log.names(), ['3:a+b']);
});

test('the first chunk after a pause goes at once, those within the window share the next record', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  await log.clock.advance(0);
  await log.acknowledge();
  log.push('b');
  await log.clock.advance(10);
  log.push('c');
  assert.deepEqual(log.names(), ['0:a']);
  await log.clock.advance(10);
  assert.deepEqual(log.names(), ['0:a', '1:b+c']);
  assert.equal(log.appended[1]?.atMs, 20);
  await log.acknowledge();
  await log.clock.advance(100);
  log.push('d');
  await log.clock.advance(0);
  assert.deepEqual(log.appended.at(-1)?.atMs, 120);
});

test('a record closes early when it is large enough', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  await log.clock.advance(0);
  await log.acknowledge();
  log.push('b', 60);
  log.push('c', 60);
  await log.clock.advance(0);
  assert.deepEqual(log.names(), ['0:a', '1:b+c']);
  assert.equal(log.appended[1]?.atMs, 0);
});

test('one append is under way at a time, and the end comes with the last chunks', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  await log.clock.advance(0);
  log.push('b');
  log.appender.end();
  log.push('too late');
  await log.clock.advance(100);
  assert.deepEqual(log.names(), ['0:a']);
  await log.acknowledge();
  assert.deepEqual(log.names(), ['0:a', '1:b!']);
  await log.acknowledge();
  assert.equal(log.clock.timerCount, 0);
});

test('a record that a full disk rejects is tried again with the same seq, and no later one overtakes it', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  await log.clock.advance(0);
  log.push('b');
  await log.reject('OUT_OF_DISK');
  await log.clock.advance(50);
  assert.deepEqual(log.names(), ['0:a', '0:a']);
  await log.acknowledge();
  await log.clock.advance(20);
  assert.deepEqual(log.names(), ['0:a', '0:a', '1:b']);
  assert.deepEqual(log.failures, []);
});

test('it gives up after its retries, and at once where trying again cannot help', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  await log.clock.advance(0);
  for (let tries = 0; tries < 3; tries++) {
    await log.reject('OUT_OF_DISK');
    await log.clock.advance(50);
  }
  assert.deepEqual(log.names(), ['0:a', '0:a', '0:a']);
  assert.deepEqual(log.failures, ['OUT_OF_DISK']);
  const offline = new Recorder();
  offline.appender.open(offline.writer, 0);
  offline.push('a');
  await offline.clock.advance(0);
  await offline.reject('PARTITION_OFFLINE');
  assert.deepEqual(offline.failures, ['PARTITION_OFFLINE']);
  offline.push('b');
  await offline.clock.advance(1000);
  assert.equal(offline.appended.length, 1);
});

test('what shows nothing waits for what does, which goes at once', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('start');
  await log.clock.advance(5);
  log.push('start-step');
  log.push('text-start');
  await log.clock.advance(5);
  assert.deepEqual(log.names(), []);
  log.push('text-delta');
  await log.clock.advance(0);
  assert.deepEqual(log.names(), ['0:start+start-step+text-start+text-delta']);
  await log.acknowledge();
  // The window is open now: text that comes within it waits for its end, also behind the end of a text.
  await log.clock.advance(5);
  log.push('text-end');
  await log.clock.advance(5);
  log.push('text-delta');
  await log.clock.advance(10);
  assert.deepEqual(log.names().slice(1), ['1:text-end+text-delta']);
});

test('what shows nothing waits no longer than the window when nothing follows', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('start');
  await log.clock.advance(10);
  log.push('start-step');
  await log.clock.advance(9);
  assert.deepEqual(log.names(), []);
  await log.clock.advance(1);
  assert.deepEqual(log.names(), ['0:start+start-step']);
});

test('it asks for a pause when too much waits, and for more when that has gone', async () => {
  const log = new Recorder();
  log.push('a', 150);
  log.push('b', 150);
  log.push('c', 150);
  assert.deepEqual(log.pressure, [true]);
  log.appender.open(log.writer, 0);
  await log.clock.advance(0);
  assert.deepEqual(log.pressure, [true, false]);
});

test('drain resolves when what waited is acknowledged', async () => {
  const log = new Recorder();
  log.appender.open(log.writer, 0);
  log.push('a');
  let isDrained = false;
  const drained = log.appender.drain().then(() => (isDrained = true));
  await log.clock.advance(0);
  assert.deepEqual([log.names(), isDrained], [['0:a'], false]);
  await log.acknowledge();
  await drained;
});

test('what is more than a record takes goes into several, the last with the end', async () => {
  const log = new Recorder();
  for (const name of ['a', 'b', 'c']) log.push(name, 130);
  log.push('large', 400);
  log.push('d', 10);
  assert.deepEqual(log.pressure, [true]);
  log.appender.open(log.writer, 0);
  log.appender.end();
  await log.clock.advance(0);
  await log.acknowledge();
  await log.acknowledge();
  await log.acknowledge();
  assert.deepEqual(log.names(), ['0:a+b', '1:c', '2:large', '3:d!']);
  assert.deepEqual(log.pressure, [true, false]);
});

test('a drain takes all that waits, however many records that makes', async () => {
  const log = new Recorder();
  for (const name of ['a', 'b', 'c']) log.push(name, 160);
  log.appender.open(log.writer, 0);
  const drained = log.appender.drain();
  for (let count = 0; count < 3; count++) await log.acknowledge();
  await drained;
  assert.deepEqual(log.names(), ['0:a', '1:b', '2:c']);
});
