// What a topic demands of each record, whoever asks: a key where the topic is compacted, and a time of its own that is not
// too far from now (Apache Kafka's LogValidator). A batch is checked as it comes in (batch-check.ts); whoever gathers the
// records of several callers into one batch checks them before, so that none of them is rejected for a neighbour's.
import { ThroughlineError, type ErrorCode, type ProducerRecord } from '@throughline/event';
import { recordErrorCountMax } from '../defaults.ts';
import type { TopicConfig } from '../ground/topic-config.ts';

/** Why a record of a rejected batch is rejected, as Produce answers it (KIP-467). */
export interface RecordError {
  readonly index: number;
  readonly message: string;
}

/** What is wrong with records: the code of it, and a message for each record that has it. */
export interface RecordRule<Checked> {
  readonly code: ErrorCode;
  readonly problemOf: (record: Checked, index: number) => string | undefined;
}

/** Of a compacted topic: every record has a key. */
export const keyRule: RecordRule<{ readonly hasKey: boolean }> = {
  code: 'INVALID_RECORD',
  problemOf: ({ hasKey }) => (hasKey ? undefined : 'Compacted topic cannot accept message without key'),
};

/** Of a topic whose records bring their own time: what is too old, and what is too far ahead. */
export function timestampRule(
  { timestampBeforeMaxMs, timestampAfterMaxMs }: TopicConfig,
  nowMs: number,
): RecordRule<{ readonly timestampMs: number }> & { readonly isOutside: (timestampMs: number) => boolean } {
  const earliestMs = nowMs - (timestampBeforeMaxMs ?? Number.POSITIVE_INFINITY);
  const latestMs = nowMs + (timestampAfterMaxMs ?? Number.POSITIVE_INFINITY);
  const isOutside = (timestampMs: number): boolean =>
    timestampMs !== -1 && (timestampMs < earliestMs || timestampMs > latestMs);
  return {
    code: 'INVALID_TIMESTAMP',
    isOutside,
    problemOf: ({ timestampMs }, index) => {
      if (!isOutside(timestampMs)) return undefined;
      const range = `[${timestampBound(nowMs, timestampBeforeMaxMs, -1n)}, ${timestampBound(nowMs, timestampAfterMaxMs, 1n)}]`;
      return `Timestamp ${timestampMs} of message with offset ${index} is out of range. The timestamp should be within ${range}`;
    },
  };
}

/**
 * Checks records that are not in a batch yet.
 *
 * @throws ThroughlineError INVALID_RECORD, INVALID_TIMESTAMP (details recordErrors)
 */
export function checkProducerRecords(records: readonly ProducerRecord[], config: TopicConfig, nowMs: number): void {
  if (config.isCompacted && records.some(({ key }) => key === null)) {
    throwFor(keyRule, records, ({ key }) => ({ hasKey: key !== null }));
  }
  if (config.timestampType !== 'CreateTime' || records.every(({ timestampMs }) => timestampMs === undefined)) return;
  const rule = timestampRule(config, nowMs);
  if (!records.some(({ timestampMs = -1 }) => rule.isOutside(timestampMs))) return;
  throwFor(rule, records, ({ timestampMs = -1 }) => ({ timestampMs }));
}

function throwFor<Checked>(
  { code, problemOf }: RecordRule<Checked>,
  records: readonly ProducerRecord[],
  checkedOf: (record: ProducerRecord) => Checked,
): never {
  const recordErrors: RecordError[] = [];
  for (const [index, record] of records.entries()) {
    const message = recordErrors.length < recordErrorCountMax ? problemOf(checkedOf(record), index) : undefined;
    if (message !== undefined) recordErrors.push({ index, message });
  }
  throw rejectionFor(code, recordErrors);
}

/** The rejection of a batch, in Kafka's words, as those about single records: people search for them. */
export function rejectionFor(code: ErrorCode, recordErrors: readonly RecordError[]): ThroughlineError {
  return new ThroughlineError(code, rejectionMessage(code, recordErrors), { details: { recordErrors } });
}

function rejectionMessage(code: ErrorCode, recordErrors: readonly RecordError[]): string {
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
