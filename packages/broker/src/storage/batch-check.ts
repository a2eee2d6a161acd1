// What a record batch must be to be appended, as Apache Kafka's UnifiedLog and LogValidator have it: the head, the checksum,
// and of records that are not compressed the format and the timestamps. Compressed records are not unpacked (Kafka does),
// unless the topic wants something of each that the head does not say: a key, or a timestamp that is not too old.
import { ThroughlineError } from '@throughline/event';
import {
  batchHeaderBytes,
  batchHeaderProblem,
  codecOf,
  isAppendTime,
  isControlBatch,
  isTransactionalBatch,
  readBatchHeader,
  setMaxTimestamp,
  verifyBatchCrc,
  walkRecords,
  type RecordBatchHeader,
  type WalkedRecord,
} from '@throughline/wire';
import { recordErrorCountMax } from '../defaults.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import { keyRule, rejectionFor, timestampRule, type RecordError, type RecordRule } from './record-bounds.ts';

/**
 * Checks a batch that somebody wants appended.
 *
 * @returns its head
 * @throws ThroughlineError INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_RECORD, RECORD_TOO_LARGE
 */
export function checkBatch(batch: Uint8Array, config: TopicConfig, nowMs: number): RecordBatchHeader {
  if (batch.length < batchHeaderBytes) throw invalid(`${batch.length} bytes are less than the head of a record batch`);
  const { recordBytesMax } = config;
  if (batch.length > recordBytesMax) {
    const message = `a record batch of ${batch.length} bytes, ${recordBytesMax} at most`;
    throw new ThroughlineError('RECORD_TOO_LARGE', message, { details: { batchBytes: batch.length, recordBytesMax } });
  }
  const header = readBatchHeader(batch, 0);
  const { magic, sizeBytes } = header;
  if (magic !== 2) throw invalid(`magic ${magic} is not 2`);
  if (sizeBytes !== batch.length) throw invalid(`a batch of ${sizeBytes} bytes in ${batch.length}`);
  // Before anything that a flipped bit could have made wrong: a client sends a corrupt batch again, and an invalid one not.
  if (!verifyBatchCrc(batch, 0, batch.length)) {
    throw new ThroughlineError('CORRUPT_RECORD', 'the batch does not match its checksum');
  }
  const problem = batchHeaderProblem(header) ?? appendProblem(header);
  if (problem !== undefined) throw invalid(problem);
  return checkRecords(batch, header, config, nowMs);
}

/** Makes now the time of all records of a batch, in place; returns its head as it is then. */
export function stampAppendTime(batch: Uint8Array, header: RecordBatchHeader, nowMs: number): RecordBatchHeader {
  return withMaxTimestamp(batch, header, nowMs, true);
}

function appendProblem(header: RecordBatchHeader): string | undefined {
  const { recordCount, lastOffsetDelta, attributes, producerId, baseSequence } = header;
  if (recordCount < 1) return 'a batch without records';
  // Only compaction may leave offsets out.
  if (lastOffsetDelta !== recordCount - 1) return `lastOffsetDelta ${lastOffsetDelta} with ${recordCount} records`;
  // Markers are written by the broker's own coordinator, and that comes later.
  if (isControlBatch(attributes)) return 'a control batch from outside';
  if (isTransactionalBatch(attributes)) return 'a transactional batch, and there are no transactions yet';
  if (codecOf(attributes) === undefined) return `no codec has the attributes ${attributes}`;
  if (producerId >= 0n && baseSequence < 0) return `baseSequence ${baseSequence} of producer ${producerId}`;
  return undefined;
}

function checkRecords(
  batch: Uint8Array,
  header: RecordBatchHeader,
  config: TopicConfig,
  nowMs: number,
): RecordBatchHeader {
  const isPlain = codecOf(header.attributes) === 'none';
  const isOwnTime = config.timestampType === 'CreateTime';
  const isWalked = isPlain || config.isCompacted || (isOwnTime && config.timestampBeforeMaxMs !== null);
  const found = isWalked
    ? walkRecords(batch, 0, header)
    : { minTimestampMs: header.baseTimestampMs, maxTimestampMs: header.maxTimestampMs, keylessCount: 0 };
  if (config.isCompacted && found.keylessCount > 0) throw rejected(keyRule, batch, header);
  if (isAppendTime(header.attributes)) throw rejected(appendTimeRule, batch, header);
  if (!isOwnTime) return header;
  const rule = timestampRule(config, nowMs);
  if (rule.isOutside(found.minTimestampMs) || rule.isOutside(found.maxTimestampMs)) throw rejected(rule, batch, header);
  // A head that says something else than its records would lead look-ups by time astray.
  if (isWalked && found.maxTimestampMs !== header.maxTimestampMs) {
    return withMaxTimestamp(batch, header, found.maxTimestampMs, false);
  }
  return header;
}

function withMaxTimestamp(
  batch: Uint8Array,
  header: RecordBatchHeader,
  timestampMs: number,
  isLogAppendTime: boolean,
): RecordBatchHeader {
  setMaxTimestamp(batch, 0, header.sizeBytes, { timestampMs, isAppendTime: isLogAppendTime });
  return readBatchHeader(batch, 0);
}

const appendTimeRule: RecordRule<WalkedRecord> = {
  code: 'INVALID_TIMESTAMP',
  problemOf: () => 'Invalid timestamp type. Producer should not set timestamp type to LogAppendTime.',
};

/** The rejection of a batch, with the first of the records that are to blame. */
function rejected(
  { code, problemOf }: RecordRule<WalkedRecord>,
  batch: Uint8Array,
  header: RecordBatchHeader,
): ThroughlineError {
  const recordErrors: RecordError[] = [];
  walkRecords(batch, 0, header, (record) => {
    const message = recordErrors.length < recordErrorCountMax ? problemOf(record, record.index) : undefined;
    if (message !== undefined) recordErrors.push({ index: record.index, message });
  });
  return rejectionFor(code, recordErrors);
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', problem);
}
