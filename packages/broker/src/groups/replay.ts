// Reads a partition of `__consumer_offsets` from its start to its end: each record at the place where it takes effect. That of a
// transactional commit, which Apache Kafka may have written, is the marker that commits it; one that is aborted, or not ended,
// has none, and neither has one that a later plain record of the same key overtook.
import { ThroughlineError, type Logger, type LogRecord } from '@throughline/event';
import {
  controlTypeOf,
  controlTypes,
  decodeRecordBatch,
  isControlBatch,
  isTransactionalBatch,
  offsetBehind,
  readBatchHeader,
} from '@throughline/wire';
import type { PartitionLog } from '../storage/partition-face.ts';
import { groupLogReadBytes } from '../defaults.ts';

/** The records of `log` in the order in which they take effect. What cannot be read is logged and passed over. */
export async function* replay(log: PartitionLog, logger: Logger): AsyncGenerator<LogRecord> {
  /** By producer id, then by key. */
  const open = new Map<bigint, Map<string, LogRecord>>();
  for await (const { batch, fromOffset } of batchesOf(log, logger)) {
    const header = readBatchHeader(batch, 0);
    if (isControlBatch(header.attributes)) {
      if (controlTypeOf(batch, 0) === controlTypes.commit) yield* open.get(header.producerId)?.values() ?? [];
      open.delete(header.producerId);
      continue;
    }
    const records: LogRecord[] = [];
    const { topic, partition } = log;
    decodeRecordBatch(batch, 0, { topic, partition, fromOffset }, records);
    for (const record of records) {
      const key = keyText(record);
      if (isTransactionalBatch(header.attributes)) {
        let pending = open.get(header.producerId);
        if (pending === undefined) open.set(header.producerId, (pending = new Map()));
        pending.set(key, record);
      } else {
        for (const pending of open.values()) pending.delete(key);
        yield record;
      }
    }
  }
}

/** The key of a record as something that a Map can tell apart. */
export function keyText({ key }: Pick<LogRecord, 'key'>): string {
  return key === null ? '' : Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

async function* batchesOf(
  log: PartitionLog,
  logger: Logger,
): AsyncGenerator<{ readonly batch: Uint8Array; readonly fromOffset: bigint }> {
  let offset = log.logStartOffset;
  while (offset < log.highWatermark) {
    let batches: Uint8Array;
    try {
      ({ batches } = await log.read(offset, groupLogReadBytes));
    } catch (error) {
      if (!(error instanceof ThroughlineError) || error.code !== 'CORRUPT_RECORD') throw error;
      const named = error.details['nextOffset'];
      const next = typeof named === 'string' ? BigInt(named) : log.highWatermark;
      const { topic, partition } = log;
      logger.error({ topic, partition, offset, next, error }, 'records of groups are damaged and passed over');
      offset = next > offset ? next : log.highWatermark;
      continue;
    }
    if (batches.length === 0) return;
    for (let position = 0; position < batches.length;) {
      const header = readBatchHeader(batches, position);
      yield { batch: batches.subarray(position, position + header.sizeBytes), fromOffset: offset };
      position += header.sizeBytes;
      offset = offsetBehind(header);
    }
  }
}
