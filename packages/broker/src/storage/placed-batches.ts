// What batches of another log must be to be appended as they are: whole, undamaged, in order, and following on what is there.
import { ThroughlineError } from '@throughline/event';
import {
  batchHeaderProblem,
  codecOf,
  isControlBatch,
  isTransactionalBatch,
  offsetBehind,
  readBatchHeader,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';
import type { PlacedBatches } from './partition-face.ts';
import { placeProblem } from '../disk/batch-scan.ts';

export interface PlacedBatch {
  readonly bytes: Uint8Array;
  readonly header: RecordBatchHeader;
}

/** The log that they are to follow on. */
export interface LogEnd {
  readonly name: string;
  readonly endOffset: bigint;
  /** The epoch that appends are made in. */
  readonly leaderEpoch: number;
  /** The epoch of the last record; -1 when the log is empty or it is not known. */
  readonly lastEpoch: number;
  /** Offsets may be missing between batches: the topic is compacted. */
  readonly isSparse: boolean;
}

/**
 * Takes batches apart and checks each by itself.
 *
 * @throws ThroughlineError CORRUPT_RECORD, INVALID_RECORD, NOT_BUILT_YET
 */
export function placedBatches(batches: Uint8Array): readonly PlacedBatch[] {
  const found: PlacedBatch[] = [];
  for (let position = 0; position < batches.length;) {
    const header = readBatchHeader(batches, position);
    const { sizeBytes, baseOffset, attributes, partitionLeaderEpoch } = header;
    const problem = batchHeaderProblem(header) ?? placeProblem(header, undefined, true);
    if (problem !== undefined) throw invalid(problem);
    if (!verifyBatchCrc(batches, position, sizeBytes)) {
      throw new ThroughlineError(
        'CORRUPT_RECORD',
        `the batch at ${baseOffset} is cut short, or does not match its checksum`,
      );
    }
    if (codecOf(attributes) === undefined) throw invalid(`no codec has the attributes ${attributes}`);
    if (partitionLeaderEpoch < 0) throw invalid(`the batch at ${baseOffset} has no leader epoch`);
    if (isControlBatch(attributes) || isTransactionalBatch(attributes)) {
      // Readers here would be shown what was aborted.
      throw new ThroughlineError('NOT_BUILT_YET', `the batch at ${baseOffset} belongs to a transaction`);
    }
    found.push({ bytes: batches.subarray(position, position + sizeBytes), header });
    position += sizeBytes;
  }
  return found;
}

/**
 * Checks that batches follow on a log.
 *
 * @throws ThroughlineError APPEND_CONDITION_FAILED, LOG_DIVERGED, LEADER_EPOCH_FENCED, INVALID_RECORD
 */
export function checkFollows(
  batches: readonly PlacedBatch[],
  { lastEpoch, mayLeaveGap }: Omit<PlacedBatches, 'batches'>,
  end: LogEnd,
): void {
  const { name, endOffset, leaderEpoch } = end;
  const details = { endOffset: String(endOffset), leaderEpoch };
  let expected = endOffset;
  let epoch = leaderEpoch;
  for (const { header } of batches) {
    const { baseOffset, partitionLeaderEpoch } = header;
    const isFirst = header === batches[0]!.header;
    const isGap = baseOffset > expected && mayLeaveGap && (isFirst || end.isSparse);
    if (baseOffset !== expected && !isGap) {
      const message = `${name} goes on at ${expected}, and not with a batch at ${baseOffset}`;
      if (isFirst) throw new ThroughlineError('APPEND_CONDITION_FAILED', message, { details });
      throw invalid(message);
    }
    if (isFirst && !isGap && lastEpoch !== -1 && end.lastEpoch !== -1 && lastEpoch !== end.lastEpoch) {
      const message = `the last record of ${name} is of epoch ${end.lastEpoch}, and in the other log of epoch ${lastEpoch}`;
      throw new ThroughlineError('LOG_DIVERGED', message, { details });
    }
    if (partitionLeaderEpoch < epoch) {
      const message = `a batch of epoch ${partitionLeaderEpoch} for ${name}, which is in epoch ${epoch}`;
      throw new ThroughlineError('LEADER_EPOCH_FENCED', message, { details });
    }
    epoch = partitionLeaderEpoch;
    expected = offsetBehind(header);
  }
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', problem);
}
