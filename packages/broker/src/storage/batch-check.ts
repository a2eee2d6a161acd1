// What a record batch must be to be appended. The broker looks at its head and its checksum and never into its records.
import { ThroughlineError } from '@throughline/event';
import {
  batchHeaderBytes,
  batchHeaderProblem,
  isControlBatch,
  readBatchHeader,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';

const isTransactional = 0x10;

/**
 * Checks a batch that somebody wants appended.
 *
 * @throws ThroughlineError INVALID_RECORD, RECORD_TOO_LARGE
 */
export function checkBatch(batch: Uint8Array, recordBytesMax: number): RecordBatchHeader {
  if (batch.length < batchHeaderBytes) throw invalid(`${batch.length} bytes are less than the head of a record batch`);
  if (batch.length > recordBytesMax) {
    throw new ThroughlineError(
      'RECORD_TOO_LARGE',
      `a record batch of ${batch.length} bytes, ${recordBytesMax} at most`,
      {
        details: { batchBytes: batch.length, recordBytesMax },
      },
    );
  }
  const header = readBatchHeader(batch, 0);
  const problem = batchHeaderProblem(header) ?? appendProblem(header, batch.length);
  if (problem !== undefined) throw invalid(problem);
  if (!verifyBatchCrc(batch, 0, batch.length)) throw invalid('the batch does not match its checksum');
  return header;
}

function appendProblem(header: RecordBatchHeader, batchBytes: number): string | undefined {
  const { sizeBytes, recordCount, lastOffsetDelta, attributes } = header;
  if (sizeBytes !== batchBytes) return `a batch of ${sizeBytes} bytes in ${batchBytes}`;
  if (recordCount < 1) return 'a batch without records';
  // Only compaction may leave offsets out.
  if (lastOffsetDelta !== recordCount - 1) return `lastOffsetDelta ${lastOffsetDelta} with ${recordCount} records`;
  // Markers are written by the broker's own coordinator, and that comes later.
  if (isControlBatch(attributes)) return 'a control batch from outside';
  if ((attributes & isTransactional) !== 0) return 'a transactional batch, and there are no transactions yet';
  return undefined;
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', problem);
}
