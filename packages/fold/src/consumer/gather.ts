// Gathers the steps of a tail into batches, one transaction each: at most `recordsMax` records, and no longer than the
// window that opens with the first of them. Without windows a batch is one step; what arrives while a batch commits makes
// the next step larger, so that batches grow with load by themselves.
import { markHandled } from '@throughline/event';
import type { Clock, LogRecord } from '@throughline/event';
import { unknownEpoch, type TailStep } from '@throughline/log';

/** Consecutive records of one partition. */
export interface Slice {
  readonly partition: number;
  readonly records: readonly LogRecord[];
  readonly nextOffset: bigint;
  /** The leader epoch of the record before `nextOffset`; -1 where it is not known. */
  readonly lastEpoch: number;
  readonly highWatermark: bigint;
}

/** The time in which records may join those that wait for their transaction. */
export interface Window {
  readonly closed: Promise<void>;
  /** Called when the batch is full, or the tail has ended, before the window closes. */
  readonly close: () => void;
}

/** Opens a window that closes by itself after `windowMs`. */
export function openWindow(clock: Clock, windowMs: number): Window {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(windowMs, resolve);
  const close = (): void => {
    timer.cancel();
    resolve();
  };
  return { closed, close };
}

export interface GatherOptions {
  readonly recordsMax: number;
  /** Opens a window, or returns undefined where records do not wait. */
  readonly openWindow: () => Window | undefined;
}

export async function* gather(steps: AsyncIterable<TailStep>, options: GatherOptions): AsyncGenerator<Slice[]> {
  const { recordsMax, openWindow } = options;
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
      const window = count > 0 ? openWindow() : undefined;
      if (window !== undefined) {
        for (;;) {
          const more = await Promise.race([pending, window.closed]);
          if (more === undefined || more.done === true || count + more.value.records.length > recordsMax) break;
          batch.push(more.value);
          count += more.value.records.length;
          pending = iterator.next();
        }
        window.close();
      }
      if (batch.length > 0) yield batch;
    }
  } finally {
    // The reader may stop while a step is under way: what that ends with, `return` waits for.
    void markHandled(pending);
    await iterator.return?.();
  }
}

/** Cuts a step into pieces of at most `recordsMax` records. */
export function* slices(step: Slice, recordsMax: number): Generator<Slice> {
  const { records } = step;
  // Nothing but a new position: the tail has passed damage.
  if (records.length === 0) yield step;
  for (let start = 0; start < records.length; start += recordsMax) {
    const piece = records.slice(start, start + recordsMax);
    const after = records[start + recordsMax];
    // The last piece ends where the step ends, which may lie beyond its last record (compacted or control records).
    if (after === undefined) yield { ...step, records: piece };
    else
      yield { ...step, records: piece, nextOffset: after.offset, lastEpoch: piece.at(-1)?.leaderEpoch ?? unknownEpoch };
  }
}
