// Gathers the steps of a tail into batches, one transaction each: at most `recordsMax` records, and at most `delayMs`
// after the first of them. With a delay of 0 a batch is one step; what arrives while a batch commits makes the next step
// larger, so that batches grow with load by themselves.
import { ThroughlineError, type Clock, type LogRecord, type Timer } from '@throughline/event';
import type { TailStep } from '@throughline/log';

/** Consecutive records of one partition. */
export interface Slice {
  readonly partition: number;
  readonly records: readonly LogRecord[];
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
}

export interface GatherOptions {
  readonly recordsMax: number;
  readonly delayMs: number;
  readonly clock: Clock;
}

export async function* gather(steps: AsyncIterable<TailStep>, options: GatherOptions): AsyncGenerator<Slice[]> {
  const { recordsMax, delayMs, clock } = options;
  if (recordsMax < 1) throw new ThroughlineError('INVALID_ARGUMENT', 'commitRecordsMax is at least 1');
  const iterator = steps[Symbol.asyncIterator]();
  let pending = iterator.next();
  try {
    for (;;) {
      const first = await pending;
      if (first.done === true) return;
      const batch: Slice[] = [];
      let count = 0;
      for (const slice of slices(first.value, recordsMax)) {
        if (slice.records.length === recordsMax) yield [slice];
        else {
          batch.push(slice);
          count += slice.records.length;
        }
      }
      pending = iterator.next();
      // The window is open from the first record that is held back.
      if (delayMs > 0 && count > 0) {
        const window = opens(clock, delayMs);
        for (;;) {
          const more = await Promise.race([pending, window.closed]);
          if (more === undefined || more.done === true || count + more.value.records.length > recordsMax) break;
          batch.push(more.value);
          count += more.value.records.length;
          pending = iterator.next();
        }
        window.timer.cancel();
      }
      if (batch.length > 0) yield batch;
    }
  } finally {
    // A step that is still awaited must not end as an unhandled rejection when the reader stops first.
    pending.catch(() => {});
    await iterator.return?.();
  }
}

/** Cuts a step into pieces of at most `recordsMax` records. */
export function* slices(step: Slice, recordsMax: number): Generator<Slice> {
  const { records } = step;
  for (let start = 0; start < records.length; start += recordsMax) {
    const piece = records.slice(start, start + recordsMax);
    const after = records[start + recordsMax];
    // The last piece ends where the step ends, which may lie beyond its last record (compacted or control records).
    yield { ...step, records: piece, nextOffset: after === undefined ? step.nextOffset : after.offset };
  }
}

function opens(clock: Clock, delayMs: number): { closed: Promise<undefined>; timer: Timer } {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  return { closed, timer: clock.after(delayMs, () => resolve(undefined)) };
}
