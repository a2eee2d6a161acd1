// A batch through the reducer: a record that is no valid event is set aside, any other failure names its record and stops.
import { ThroughlineError, type LogRecord } from '@throughline/event';

/** A record that the reducer rejected with INVALID_EVENT. */
export interface Skip {
  readonly record: LogRecord;
  readonly error: ThroughlineError;
}

/**
 * The state after `records`; those that are skipped are added to `skips`.
 *
 * @throws ThroughlineError FOLD_REDUCER_FAILED with the position of the record
 */
export function reduceRecords<State>(
  name: string,
  reduce: (state: State, record: LogRecord) => State | void,
  initial: State,
  records: readonly LogRecord[],
  skips: Skip[],
): State {
  let state = initial;
  for (const record of records) {
    try {
      state = reduce(state, record) ?? state;
    } catch (error) {
      if (!ThroughlineError.is(error, 'INVALID_EVENT')) throw reducerFailed(name, record, error);
      skips.push({ record, error });
    }
  }
  return state;
}

function reducerFailed(name: string, record: LogRecord, cause: unknown): ThroughlineError {
  const { topic, partition } = record;
  const offset = String(record.offset);
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `fold ${name}: its reducer threw on ${topic}-${partition}@${offset}: ${why}`;
  return new ThroughlineError('FOLD_REDUCER_FAILED', message, { cause, details: { topic, partition, offset } });
}
