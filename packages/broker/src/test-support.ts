// What the tests of the broker share: record batches in and out, and a broker on a disk in memory. Imported by tests only.
import { fromUtf8, ThroughlineError, utf8, type Logger, type LogRecord } from '@throughline/event';
import { decodeRecordBatch, encodeRecordBatch, readBatchHeader } from '@throughline/wire';
import type { PartitionLog } from './broker.ts';

/** A batch of one record per text. */
export function batchOf(texts: readonly string[], timestampMs = 1_700_000_000_000): Uint8Array {
  return encodeRecordBatch(
    texts.map((text) => ({ key: null, value: utf8(text) })),
    { nowMs: timestampMs },
  );
}

/** The same from an idempotent producer. */
export function producedBatch(
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

/** The offsets of all records that can be read, and those that a read refuses as damaged. */
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
