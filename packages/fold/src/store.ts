// Where a fold keeps its state, and the one rule that makes delivery at least once add up to a state that is exactly
// once: state and checkpoint change in ONE transaction, and only when the stored checkpoint is still the one that this
// fold wrote last (compare-and-swap). A store that breaks this rule breaks every promise above it.
//
// What a state is, is the store's business: memory keeps a value, SQLite hands the reducer an open transaction, DuckDB
// collects rows. Source of the design: Estuary's runtime checkpoint in the endpoint, and the public bug lists of sinks
// that keep two offset stores (docs/decisions/0030-checkpoint-lives-with-the-state.md).
import { assert, ThroughlineError, type LogRecord } from '@throughline/event';

/** How far a fold has come, and of which log and by which code. Stored with the state. */
export interface Checkpoint {
  readonly name: string;
  readonly topic: string;
  /** Incarnation of the topic (Kafka's topic id): a topic that was deleted and made again has another. */
  readonly topicId: string;
  /** Hash or version of the reducer: other code would have made another state. */
  readonly codeVersion: string;
  /** One more with each owner; the store rejects a transaction of any but the newest owner. */
  readonly fencingEpoch: number;
  /** Index = partition: the offset of the next record to fold. Never moves down but by a replay. */
  readonly offsets: readonly bigint[];
  /** Index = partition: the fingerprint of the last record folded (record-mark.ts), null before the first. */
  readonly marks: readonly (string | null)[];
  /** Index = partition: the leader epoch of the last record folded (KIP-320); -1 where it is not known. */
  readonly lastEpochs: readonly number[];
  /** Records that were no valid event, over the life of this state. */
  readonly skippedRecords: number;
  /** Offsets that could not be read because the log is damaged there, over the life of this state. */
  readonly damagedRecords: number;
}

/** What the work of one transaction leaves behind. */
export interface Advance<State> {
  readonly state: State;
  readonly next: Checkpoint;
}

export interface FoldStore<State> {
  /**
   * Opens the store and returns the checkpoint that it holds, or undefined when it is fresh.
   *
   * @throws ThroughlineError DATA_FORMAT_UNSUPPORTED, DATA_DIR_IN_USE, INVALID_ARGUMENT
   */
  open(name: string): Promise<Checkpoint | undefined>;
  /** Called with the records of a transaction before it, so that a store can fetch what the reducer will ask for. */
  prepare?(records: readonly LogRecord[]): Promise<void>;
  /**
   * Runs `work` on the state and commits its result together with the checkpoint that it returns; when `work` throws,
   * nothing of it is kept.
   *
   * @param expected the checkpoint that this fold saw last; undefined when the store was fresh
   * @throws ThroughlineError FOLD_FENCED when the stored checkpoint is another; OUT_OF_DISK; whatever `work` throws
   */
  transaction(expected: Checkpoint | undefined, work: (state: State) => Advance<State>): Promise<void>;
  /** Begins a fresh state beside the present one, which readers go on seeing until the swap. */
  rebuild(): Promise<Rebuild<State>>;
  close(): Promise<void>;
}

/** A fresh state in the making, for a replay. */
export interface Rebuild<State> {
  prepare?(records: readonly LogRecord[]): Promise<void>;
  apply(work: (state: State) => State): Promise<void>;
  /**
   * Puts the fresh state and `next` in the place of the present state, in one transaction.
   *
   * @throws ThroughlineError FOLD_FENCED when the stored checkpoint is no longer `expected`
   */
  swap(expected: Checkpoint | undefined, next: Checkpoint): Promise<void>;
  /** Drops the fresh state; the present one stays. */
  discard(): Promise<void>;
}

/**
 * A checkpoint's columns as they are stored: offsets as a JSON array of decimal strings, marks as one of strings, epochs as one
 * of numbers. A type, so that it can be handed to a statement as its named parameters.
 */
export type CheckpointRow = {
  readonly name: string;
  readonly topic: string;
  readonly topic_id: string;
  readonly code_version: string;
  readonly fencing_epoch: number;
  readonly offsets: string;
  readonly marks: string;
  readonly last_epochs: string;
  readonly skipped_records: number;
  readonly damaged_records: number;
};

/** For statements, which name every column that they write: two that change places would change values in silence. */
export const checkpointColumns: readonly (keyof CheckpointRow)[] = [
  'name',
  'topic',
  'topic_id',
  'code_version',
  'fencing_epoch',
  'offsets',
  'marks',
  'last_epochs',
  'skipped_records',
  'damaged_records',
];

/**
 * The row of a checkpoint.
 *
 * @throws ThroughlineError INVALID_ARGUMENT when something of it is missing
 */
export function checkpointToRow(checkpoint: Checkpoint): CheckpointRow {
  checkWhole(checkpoint);
  return {
    name: checkpoint.name,
    topic: checkpoint.topic,
    topic_id: checkpoint.topicId,
    code_version: checkpoint.codeVersion,
    fencing_epoch: checkpoint.fencingEpoch,
    offsets: JSON.stringify(checkpoint.offsets.map(String)),
    marks: JSON.stringify(checkpoint.marks),
    last_epochs: JSON.stringify(checkpoint.lastEpochs),
    skipped_records: checkpoint.skippedRecords,
    damaged_records: checkpoint.damagedRecords,
  };
}

export function checkpointFromRow(row: CheckpointRow): Checkpoint {
  return {
    name: row.name,
    topic: row.topic,
    topicId: row.topic_id,
    codeVersion: row.code_version,
    fencingEpoch: row.fencing_epoch,
    offsets: (JSON.parse(row.offsets) as string[]).map(BigInt),
    marks: JSON.parse(row.marks) as (string | null)[],
    lastEpochs: JSON.parse(row.last_epochs) as number[],
    skippedRecords: row.skipped_records,
    damagedRecords: row.damaged_records,
  };
}

/** Tells whether `stored` is the very checkpoint that a fold expects to replace. */
export function isSameCheckpoint(stored: Checkpoint | undefined, expected: Checkpoint | undefined): boolean {
  if (stored === undefined || expected === undefined) return stored === expected;
  return (
    stored.fencingEpoch === expected.fencingEpoch &&
    stored.topicId === expected.topicId &&
    stored.codeVersion === expected.codeVersion &&
    stored.offsets.length === expected.offsets.length &&
    stored.offsets.every((offset, partition) => offset === expected.offsets[partition])
  );
}

/** What a checkpoint is made of, and the type of each part. */
const partsOfCheckpoint = {
  name: 'string',
  topic: 'string',
  topicId: 'string',
  codeVersion: 'string',
  fencingEpoch: 'number',
  offsets: 'object',
  marks: 'object',
  lastEpochs: 'object',
  skippedRecords: 'number',
  damagedRecords: 'number',
} as const satisfies Record<keyof Checkpoint, string>;

/**
 * Checks that nothing of a checkpoint is missing: it would be stored as null, and be met at the next start only.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkWhole(checkpoint: Checkpoint): void {
  const parts: Readonly<Record<string, unknown>> = { ...checkpoint };
  for (const [part, type] of Object.entries(partsOfCheckpoint)) {
    if (typeof parts[part] !== type || parts[part] === null)
      throw new ThroughlineError('INVALID_ARGUMENT', `the checkpoint of fold ${checkpoint.name} has no ${part}`);
  }
}

/**
 * Every store calls this before it commits: the checkpoint is whole, and within one state an offset never moves down.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkNext(expected: Checkpoint | undefined, next: Checkpoint): void {
  checkWhole(next);
  const from = expected?.offsets ?? [];
  assert(
    from.every((offset, partition) => (next.offsets[partition] ?? -1n) >= offset),
    `fold ${next.name}: an offset would move down`,
  );
}

/** The error of a compare-and-swap that found another checkpoint than its own. */
export function fenced(name: string, expected: Checkpoint | undefined): ThroughlineError {
  return new ThroughlineError('FOLD_FENCED', `fold ${name}: another owner has moved the stored checkpoint`, {
    details: { fold: name, fencingEpoch: expected?.fencingEpoch ?? 0 },
  });
}
