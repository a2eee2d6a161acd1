// What clients did to a log and what they were told, as the checker reads it. The model is that of jepsen.tests.kafka:
// processes do one operation at a time; each begins with an `invoke` and ends with
//
//   ok     it happened
//   fail   it did not happen, and never will
//   info   nobody knows: a time-out, a connection that went away. The process is gone then; its successor has another number.
//
// The order of the array is the order in real time: an operation whose end stands before another one's `invoke` was over
// when that one began. Sends and polls are micro-operations, several to an operation, so that a transaction (`txn`) is
// nothing but a mixture of them. Values are unique: a value names the record that a send wanted to write.
//
// Offsets are numbers here, not bigint: the logs of a test are short, and a history has millions of them.

export type Outcome = 'ok' | 'fail' | 'info';

/** A record that a process wants to append, and what it was told of it. */
export interface Send {
  readonly kind: 'send';
  /** The number that the workload gives to a partition of a topic. */
  readonly partition: number;
  readonly value: number;
  /** Where it is, as the acknowledgement said. */
  readonly offset?: number;
  /** Where it differs from the operation's: of sends in flight together each has its own. In a `txn` it never differs. */
  readonly outcome?: Outcome;
}

/** A record as a poll returned it. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: number;
  /** The leader epoch of its batch. */
  readonly epoch?: number;
}

/** One poll, its records in the order in which they came. */
export interface Poll {
  readonly kind: 'poll';
  readonly records: readonly SeenRecord[];
}

export type MicroOperation = Send | Poll;

/** A member of a group and what it is to read, as its SyncGroup answered. */
export interface Membership {
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  readonly partitions: readonly number[];
}

/** Offsets of a group, by partition: the next record to read; -1: none is committed. */
export interface GroupOffsets {
  readonly group: string;
  /** Of the member that commits; absent where somebody only reads. */
  readonly generation?: number;
  readonly offsets: ReadonlyMap<number, number>;
}

export type Action =
  | { readonly f: 'send' | 'poll' | 'txn'; readonly value: readonly MicroOperation[] }
  /** The process reads exactly these from now on; those it had before go on where they were, unless it seeks. */
  | { readonly f: 'assign'; readonly value: readonly number[]; readonly isFromBeginning?: boolean }
  /** The process has joined its group, again: all its positions are new. */
  | { readonly f: 'subscribe'; readonly value: Membership }
  | { readonly f: 'commit'; readonly value: GroupOffsets }
  /** Reads the committed offsets of a group. */
  | { readonly f: 'committed'; readonly value: GroupOffsets }
  /** The client is thrown away. */
  | { readonly f: 'crash' }
  /** The process has polled these from their beginning to where they ended when it began. */
  | { readonly f: 'complete'; readonly value: readonly number[] }
  /** The broker is down and is about to come back. */
  | { readonly f: 'restart'; readonly isClean: boolean };

export type Operation = Action & {
  readonly process: number;
  readonly type: 'invoke' | Outcome;
  /** Why it is `fail` or `info`; what a nemesis did. */
  readonly note?: string;
};

export type History = readonly Operation[];

/** The process number of whoever disturbs. */
export const nemesisProcess = -1;

/** What became of a send of an operation that has ended. */
export function outcomeOf(operation: Operation, send: Send): Outcome {
  return send.outcome ?? (operation.type as Outcome);
}
