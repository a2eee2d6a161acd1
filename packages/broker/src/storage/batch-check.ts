// What a record batch must be to be appended, as Apache Kafka's UnifiedLog and LogValidator have it: the head, the checksum,
// and of records that are not compressed the format and the timestamps. Compressed records are not unpacked (Kafka does),
// unless the topic wants something of each that the head does not say: a key, or a timestamp that is not too old.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
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
import type { TopicConfig } from '../topic-config.ts';

/** Why a record of a refused batch is refused, as Produce answers it (KIP-467). */
export interface RecordError {
  readonly index: number;
  readonly message: string;
}

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
  const { timestampBeforeMaxMs, timestampAfterMaxMs, isCompacted } = config;
  const isPlain = codecOf(header.attributes) === 'none';
  const isOwnTime = config.timestampType === 'CreateTime';
  const isWalked = isPlain || isCompacted || (isOwnTime && timestampBeforeMaxMs !== null);
  const found = isWalked
    ? walkRecords(batch, 0, header)
    : { minTimestampMs: header.baseTimestampMs, maxTimestampMs: header.maxTimestampMs, keylessCount: 0 };
  if (isCompacted && found.keylessCount > 0) {
    const problemOf = ({ hasKey }: WalkedRecord): string | undefined =>
      hasKey ? undefined : 'Compacted topic cannot accept message without key';
    throw refusedFor('INVALID_RECORD', batch, header, problemOf);
  }
  if (isAppendTime(header.attributes)) {
    const problemOf = (): string => 'Invalid timestamp type. Producer should not set timestamp type to LogAppendTime.';
    throw refusedFor('INVALID_TIMESTAMP', batch, header, problemOf);
  }
  if (!isOwnTime) return header;
  const earliestMs = nowMs - (timestampBeforeMaxMs ?? Number.POSITIVE_INFINITY);
  const latestMs = nowMs + (timestampAfterMaxMs ?? Number.POSITIVE_INFINITY);
  const isOutside = (timestampMs: number): boolean =>
    timestampMs !== -1 && (timestampMs < earliestMs || timestampMs > latestMs);
  if (isOutside(found.minTimestampMs) || isOutside(found.maxTimestampMs)) {
    const range = `[${timestampBound(nowMs, timestampBeforeMaxMs, -1n)}, ${timestampBound(nowMs, timestampAfterMaxMs, 1n)}]`;
    throw refusedFor('INVALID_TIMESTAMP', batch, header, ({ timestampMs, index }) =>
      isOutside(timestampMs)
        ? `Timestamp ${timestampMs} of message with offset ${index} is out of range. The timestamp should be within ${range}`
        : undefined,
    );
  }
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

/** The refusal of a batch, with the first of the records that are to blame. */
function refusedFor(
  code: ErrorCode,
  batch: Uint8Array,
  header: RecordBatchHeader,
  problemOf: (record: WalkedRecord) => string | undefined,
): ThroughlineError {
  const recordErrors: RecordError[] = [];
  walkRecords(batch, 0, header, (record) => {
    const message = recordErrors.length < recordErrorCountMax ? problemOf(record) : undefined;
    if (message !== undefined) recordErrors.push({ index: record.index, message });
  });
  return new ThroughlineError(code, refusalMessage(code, recordErrors), { details: { recordErrors } });
}

/** In Kafka's words, as those about single records: people search for them. */
function refusalMessage(code: ErrorCode, recordErrors: readonly RecordError[]): string {
  if (code === 'INVALID_TIMESTAMP') return 'One or more records have been rejected due to invalid timestamp';
  const shown = recordErrors
    .slice(0, 3)
    .map(({ index, message }) => `RecordError(batchIndex=${index}, message='${message}')`);
  return (
    `One or more records have been rejected due to ${recordErrors.length} record errors in total, ` +
    `and only showing the first three errors at most: [${shown.join(', ')}]`
  );
}

/** A bound for timestamps as Kafka writes it: without one it is the largest int64 away. */
function timestampBound(nowMs: number, distanceMs: number | null, direction: bigint): bigint {
  return BigInt(nowMs) + direction * (distanceMs === null ? 2n ** 63n - 1n : BigInt(distanceMs));
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', problem);
}
