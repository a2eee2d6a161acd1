// The two ways in which a consumer hands on what it reads. `each`: a synchronous function per record, with no await between
// two records of a step; what it chokes on is reported and passed. `batch`: an asynchronous hook per gathered batch, which
// commits what it does together with the offsets; what it throws leaves nothing behind, so that the batch comes again.
import { ThroughlineError, type LogRecord } from '@throughline/event';
import type { TailStep } from '@throughline/log';
import { gather, type Slice, type Window } from './gather.ts';
import type { CheckpointOptions, LateCheckpoint } from './late-checkpoint.ts';
import type { MetDamage } from './met-damage.ts';
import type { Progress } from './progress.ts';
import { markOf } from './record-mark.ts';

/** Records for one transaction, and where the consumer stands once it is committed. */
export interface Batch {
  readonly records: readonly LogRecord[];
  /** Index = partition: the next offset. */
  readonly offsets: readonly bigint[];
  /** Index = partition: the mark of the last record, null before the first. */
  readonly marks: readonly (string | null)[];
  /** Index = partition: the leader epoch of the last record, -1 where it is not known. */
  readonly lastEpochs: readonly number[];
  /** Offsets among them that the log could not read. */
  readonly damagedRecords: number;
}

export interface EachRecord {
  readonly kind: 'each';
  /** Takes a record; INVALID_EVENT skips and counts it. The positions are behind it already. */
  readonly take: (record: LogRecord) => void;
  readonly checkpoint?: CheckpointOptions;
}

export interface EachBatch {
  readonly kind: 'batch';
  readonly take: (batch: Batch) => Promise<void>;
  readonly recordsMax: number;
  /** Milliseconds that a record may wait for more before it is handed on. */
  readonly windowMs: number;
}

export type HandOn = EachRecord | EachBatch;

/** One tail that is being followed. */
export interface Following {
  readonly progress: Progress;
  readonly damage: MetDamage;
  readonly checkpoint: LateCheckpoint | undefined;
  /** Ends it. */
  readonly interrupt: AbortController;
  /** Whether there is more at once, so that other work of the process needs to be given its turn. */
  readonly isCatchingUp: () => boolean;
  /** Something was handed on; with offsets that could not be read among it. */
  readonly onAdvance: (damagedRecords: number) => void;
  readonly onNotTaken: (record: LogRecord, thrown: unknown) => void;
  readonly openWindow: () => Window | undefined;
}

export async function handOnEach(
  steps: AsyncIterable<TailStep>,
  { take }: EachRecord,
  { progress, damage, checkpoint, interrupt, isCatchingUp, onAdvance, onNotTaken }: Following,
): Promise<void> {
  for await (const step of steps) {
    const { partition, records, highWatermark } = step;
    progress.sawEnd(partition, highWatermark);
    for (const record of records) {
      // The position moves first: whoever asks while the record is handed on finds it counted.
      progress.pass(record);
      try {
        take(record);
      } catch (error) {
        // A defect in what one record leads to must not keep the others from everybody.
        onNotTaken(record, error);
      }
    }
    progress.moveTo(step, undefined);
    const damagedRecords = damage.countBelow(progress.positions);
    damage.counted(progress.positions);
    onAdvance(damagedRecords);
    const saving = checkpoint?.advanced(records.length);
    if (saving !== undefined) await saving;
    if (interrupt.signal.aborted) return;
    // A log in memory would otherwise keep everything else waiting until it has been read to its end.
    if (isCatchingUp()) await nextTurn();
  }
}

export async function handOnBatches(
  steps: AsyncIterable<TailStep>,
  { take, recordsMax }: EachBatch,
  { progress, damage, interrupt, isCatchingUp, onAdvance, openWindow }: Following,
): Promise<void> {
  for await (const slices of gather(steps, { recordsMax, openWindow })) {
    const batch = batchOf(slices, progress, damage);
    try {
      await take(batch);
    } catch (error) {
      // Without this the loop would wait for the tail's next step before it lets the error out.
      interrupt.abort();
      throw error;
    }
    for (const slice of slices) progress.moveTo(slice, slice.records.at(-1));
    damage.counted(batch.offsets);
    onAdvance(batch.damagedRecords);
    if (interrupt.signal.aborted) return;
    if (isCatchingUp()) await nextTurn();
  }
}

function batchOf(slices: readonly Slice[], progress: Progress, damage: MetDamage): Batch {
  const offsets = [...progress.positions];
  const marks = progress.marks();
  const lastEpochs = [...progress.lastEpochs];
  for (const { partition, records, nextOffset, lastEpoch, highWatermark } of slices) {
    offsets[partition] = nextOffset;
    lastEpochs[partition] = lastEpoch;
    const last = records.at(-1);
    if (last !== undefined) marks[partition] = markOf(last);
    progress.sawEnd(partition, highWatermark);
  }
  const records = slices.length === 1 ? slices[0]!.records : slices.flatMap((slice) => slice.records);
  return { records, offsets, marks, lastEpochs, damagedRecords: damage.countBelow(offsets) };
}

/** What a record that was not taken is called in the log. */
export function notTaken(thrown: unknown): { readonly level: 'warn' | 'error'; reason: string; message: string } {
  if (ThroughlineError.is(thrown, 'INVALID_EVENT'))
    return { level: 'warn', reason: thrown.message, message: 'a record is no valid event: skipped' };
  const reason = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { level: 'error', reason, message: 'a record was not taken' };
}

/** Lets timers and sockets have their turn: a log in memory would otherwise fill every turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
