// Reads what stands of a run from the log: its chunks that count, by the same rule as every reader's. Only a new attempt
// of a run that was interrupted needs it, so nobody has to keep chunks in memory for it.
import {
  eventFromRecord,
  fromUtf8,
  reduceRun,
  runFrom,
  ThroughlineError,
  type LogRecord,
  type PlacedEvent,
  type Run,
  type UiChunk,
} from '@throughline/event';
import { readOn, type Log } from '@throughline/log';

/**
 * The chunks of `run` that count, from its request up to but not including `endOffset`. What a damaged log cannot read is
 * left out here as it was by the reader of the topic, which has reported it.
 *
 * @throws ThroughlineError what reading the log throws
 */
export async function standingChunks(log: Log, topic: string, run: Run, endOffset: bigint): Promise<UiChunk[]> {
  const chunks: UiChunk[] = [];
  let folded: Run | undefined;
  let offset = BigInt(run.requestedOffset);
  while (offset < endOffset) {
    const { records, nextOffset } = await readOn(log, { topic, partition: run.partition, offset }, () => {});
    if (nextOffset <= offset) break;
    offset = nextOffset;
    for (const record of records) {
      if (record.offset >= endOffset) return chunks;
      const event = isOfRun(record, run.id) ? validEvent(record) : undefined;
      if (event === undefined || event.stream !== run.stream) continue;
      if (folded === undefined) {
        if (event.type === 'run-requested') folded = runFrom(event);
        continue;
      }
      const verdict = reduceRun(folded, event);
      if (verdict === 'counts' && event.type === 'chunk')
        chunks.push(...(event.payload.chunks as unknown as UiChunk[]));
    }
  }
  return chunks;
}

function isOfRun(record: LogRecord, runId: string): boolean {
  const header = record.headers.find(({ key }) => key === 'tl-run');
  return header?.value !== undefined && header.value !== null && fromUtf8(header.value) === runId;
}

/** The event of a record, or undefined for one that every fold skips. */
function validEvent(record: LogRecord): PlacedEvent | undefined {
  try {
    return eventFromRecord(record);
  } catch (error) {
    if (ThroughlineError.is(error, 'INVALID_EVENT')) return undefined;
    throw error;
  }
}
