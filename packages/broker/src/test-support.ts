// What the tests of the broker share: record batches in and out, and a broker on a disk in memory. Imported by tests only.
import { fromUtf8, markHandled, ThroughlineError, utf8, type Logger, type LogRecord } from '@throughline/event';
import { decodeRecordBatch, encodeRecordBatch, readBatchHeader } from '@throughline/wire';
import type { PartitionLog } from './storage/partition-face.ts';
import type { Disk, DiskFile, OpenMode } from './disk/disk.ts';

/** A batch of one record per text. */
export function batchOf(texts: readonly string[], timestampMs = 1_700_000_000_000): Uint8Array {
  return encodeRecordBatch(
    texts.map((text) => ({ key: null, value: utf8(text) })),
    { nowMs: timestampMs },
  );
}

/** The same from an idempotent producer. */
export function batchOfProducer(
  texts: readonly string[],
  producer: { readonly id: bigint; readonly epoch: number; readonly baseSequence: number },
  timestampMs = 1_700_000_000_000,
): Uint8Array {
  return encodeRecordBatch(
    texts.map((text) => ({ key: null, value: utf8(text) })),
    { nowMs: timestampMs, producer },
  );
}

/** The records of whole batches. */
export function recordsOf(batches: Uint8Array): readonly LogRecord[] {
  const records: LogRecord[] = [];
  for (let position = 0; position < batches.length; position += readBatchHeader(batches, position).sizeBytes) {
    decodeRecordBatch(batches, position, { topic: 'test', partition: 0 }, records);
  }
  return records;
}

/** What of a log is needed to read it. */
export type ReadableLog = Pick<PartitionLog, 'logStartOffset' | 'highWatermark' | 'read'>;

/** `offset:text` of everything that can be read from `from` on, in reads of `bytesMax`. */
export async function readAll(log: ReadableLog, from: bigint = log.logStartOffset, bytesMax = 4096): Promise<string[]> {
  const found: string[] = [];
  let offset = from;
  while (offset < log.highWatermark) {
    const { batches } = await log.read(offset, bytesMax);
    const records = recordsOf(batches).filter((record) => record.offset >= offset);
    if (records.length === 0) throw new Error(`nothing at ${offset}, and the end is ${log.highWatermark}`);
    for (const record of records) found.push(`${record.offset}:${fromUtf8(record.value ?? new Uint8Array())}`);
    offset = records.at(-1)!.offset + 1n;
  }
  return found;
}

/** The offsets of all records that can be read, and those that a read rejects as damaged. */
export async function readWhole(
  log: ReadableLog,
): Promise<{ readonly offsets: readonly number[]; readonly damaged: readonly number[] }> {
  const offsets: number[] = [];
  const damaged: number[] = [];
  let offset = log.logStartOffset;
  while (offset < log.highWatermark) {
    try {
      const records = recordsOf((await log.read(offset, 1)).batches).filter((record) => record.offset >= offset);
      if (records.length === 0) break;
      offsets.push(...records.map((record) => Number(record.offset)));
      offset = records.at(-1)!.offset + 1n;
    } catch (error) {
      if (!ThroughlineError.is(error, 'CORRUPT_RECORD')) throw error;
      damaged.push(Number(offset));
      offset = BigInt(String(error.details['nextOffset']));
    }
  }
  return { offsets, damaged };
}

/** Keeps what is logged. */
export class LogRecorder implements Logger {
  readonly lines: string[] = [];
  debug: Logger['debug'] = (fields, message) => this.#note('debug', message);
  info: Logger['info'] = (fields, message) => this.#note('info', message);
  warn: Logger['warn'] = (fields, message) => this.#note('warn', message);
  error: Logger['error'] = (fields, message) => this.#note('error', message);

  #note(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`);
  }
}

/**
 * Waits for `promise` through at most `turnCountMax` turns of the event loop: with a disk in memory and a clock that stands
 * still, work that has not ended by then waits for something that never comes.
 */
export async function settlesWithin<Result>(
  turnCountMax: number,
  promise: Promise<Result>,
  state: () => string = () => '',
): Promise<Result> {
  const progress = { isSettled: false };
  const noted = markHandled(promise.finally(() => (progress.isSettled = true)));
  for (let turn = 0; !progress.isSettled; turn++) {
    if (turn > turnCountMax) throw new Error(`nothing has come of it. ${state()}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return noted;
}

/** One operation that stands still until the test says how it ends. */
export interface HeldOperation {
  /** Resolves when somebody waits in it. */
  readonly reached: Promise<void>;
  release(): void;
  fail(code: string): void;
}

interface Hold {
  readonly operation: 'open' | 'sync';
  readonly path: string;
  readonly reach: () => void;
  readonly ended: Promise<void>;
}

/** Any disk, of which a test holds single operations: the next one of its kind at that path. */
export class HeldDisk implements Disk {
  readonly #inner: Disk;
  readonly #holds = new Set<Hold>();

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  hold(operation: Hold['operation'], path: string): HeldOperation {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
    void markHandled(ended);
    this.#holds.add({ operation, path, reach, ended });
    return {
      reached,
      release: resolve,
      fail: (code) => reject(Object.assign(new Error(`${code}: ${operation} ${path}`), { code })),
    };
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    await this.#pass('open', path);
    const file = await this.#inner.open(path, mode);
    return {
      size: () => file.size(),
      read: (target, position) => file.read(target, position),
      write: (buffers, position) => file.write(buffers, position),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      syncData: async () => {
        await this.#pass('sync', path);
        await file.syncData();
      },
      close: () => file.close(),
    };
  }

  readFile: Disk['readFile'] = (path) => this.#inner.readFile(path);
  list: Disk['list'] = (folder) => this.#inner.list(folder);
  makeFolder: Disk['makeFolder'] = (folder, names) => this.#inner.makeFolder(folder, names);
  removeFolder: Disk['removeFolder'] = (folder) => this.#inner.removeFolder(folder);
  rename: Disk['rename'] = (from, to) => this.#inner.rename(from, to);
  remove: Disk['remove'] = (path) => this.#inner.remove(path);
  syncDirectory: Disk['syncDirectory'] = (folder) => this.#inner.syncDirectory(folder);
  lock: Disk['lock'] = (path) => this.#inner.lock(path);

  async #pass(operation: Hold['operation'], path: string): Promise<void> {
    const hold = Array.from(this.#holds).find((one) => one.operation === operation && path.endsWith(one.path));
    if (hold === undefined) return;
    this.#holds.delete(hold);
    hold.reach();
    await hold.ended;
  }
}
