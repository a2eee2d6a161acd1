// Finding the leader epochs of a partition in its log when `leader-epoch-checkpoint` is lost, damaged or another log's. Each
// batch has the epoch that it was appended in (partitionLeaderEpoch), and epochs only grow: so the place where one ends is
// found by halving, with one batch read per step, and not by going through the log as Apache Kafka does (LogSegment.recover).
//
// The epoch of a batch is not under its checksum. One that is below those before it is not believed.
import { ThroughlineError } from '@throughline/event';
import { offsetBehind, readBatchHeader, type RecordBatchHeader } from '@throughline/wire';
import { indexIntervalBytes } from '../defaults.ts';
import type { EpochStart } from './leader-epochs.ts';
import type { SegmentReadRequest } from './segment-reader.ts';

/** The log, as far as it matters here. */
export interface SearchableLog {
  readonly endOffset: bigint;
  /** Reads whole batches from the one that contains the offset on. */
  read(request: SegmentReadRequest): Promise<Uint8Array>;
}

/** The epochs of the batches from `logStartOffset` on; the first one begins there. */
export async function findEpochs(log: SearchableLog, logStartOffset: bigint): Promise<readonly EpochStart[]> {
  const starts: EpochStart[] = [];
  let offset = logStartOffset;
  for (;;) {
    const header = await headFrom(log, offset);
    if (header === undefined) return starts;
    const epoch = header.partitionLeaderEpoch;
    // Of a batch that nobody gave an epoch, what comes behind it is looked at.
    if (epoch >= 0) starts.push({ epoch, startOffset: starts.length === 0 ? logStartOffset : header.baseOffset });
    offset = await endOfEpoch(log, offsetBehind(header), epoch);
  }
}

/** Where the first batch with a later epoch begins, at `fromOffset` or behind it; the end of the log when there is none. */
async function endOfEpoch(log: SearchableLog, fromOffset: bigint, epoch: number): Promise<bigint> {
  let low = fromOffset;
  let high = log.endOffset;
  while (low < high) {
    const middle = (low + high) / 2n;
    const header = await headFrom(log, middle);
    if (header !== undefined && header.partitionLeaderEpoch <= epoch) low = offsetBehind(header);
    else if (header !== undefined && header.baseOffset < middle) high = header.baseOffset;
    else high = middle;
  }
  return low;
}

/** The head of the first whole batch that ends at or behind `offset`. */
async function headFrom(log: SearchableLog, offset: bigint): Promise<RecordBatchHeader | undefined> {
  const { endOffset } = log;
  let from = offset;
  while (from < endOffset) {
    try {
      const batches = await log.read({ offset: from, bytesMax: indexIntervalBytes, endOffset });
      return batches.length === 0 ? undefined : readBatchHeader(batches, 0);
    } catch (error) {
      if (!ThroughlineError.is(error, 'CORRUPT_RECORD')) throw error;
      // Whoever reads the log is told of the damage. Here only what stands behind it counts.
      const named = error.details['nextOffset'];
      const next = typeof named === 'string' ? BigInt(named) : endOffset;
      from = next > from ? next : from + 1n;
    }
  }
  return undefined;
}
