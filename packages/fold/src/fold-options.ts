// What a fold is given, and what can be done with it.
import type { Clock, Logger, LogRecord, ThroughlineError } from '@throughline/event';
import type { Log, TopicDescription } from '@throughline/log';
import type { Assignment } from './consumer/assignment.ts';
import type { FoldStatus } from './fold-status.ts';
import type { FoldMismatch } from './identity.ts';
import type { FoldStore } from './store.ts';

export interface FoldOptions<State> {
  readonly log: Log;
  readonly topic: string;
  /** Names the fold in its store, in status and in the log lines. */
  readonly name: string;
  /** A hash of the reducer's code (codeVersionOf) or a version that people count up. */
  readonly codeVersion: string;
  /** Owned by the fold from here on: `close` closes it. */
  readonly store: FoldStore<State>;
  /**
   * Changes `state` by one record, or returns the next state. It is synchronous. When it throws INVALID_EVENT, the record
   * is skipped and counted, so it validates first and changes after. Whatever else it throws stops the fold.
   */
  readonly reduce: (state: State, record: LogRecord) => State | void;
  /** Called after the commit for each record that was skipped. */
  readonly onSkipped?: (record: LogRecord, error: ThroughlineError) => void;
  /** Called after each commit, and after a replay, with the offsets that the state now has; it must not throw. */
  readonly onCommitted?: (offsets: readonly bigint[]) => void;
  /**
   * Called with the topic before the first record is reduced, and again when it has more partitions or was made again; it
   * must not throw.
   */
  readonly onTopic?: (description: TopicDescription) => void;
  /** Called when what is stored is of another history or other code, before it is folded again; it must not throw. */
  readonly onReplay?: () => void;
  /**
   * Reasons for which the fold replays by itself, at the start and while it runs, instead of standing still with that
   * reason; or a function that decides, given the topic as it is now. None by default.
   */
  readonly replayOn?: readonly FoldMismatch[] | ((mismatch: FoldMismatch, topic: TopicDescription) => boolean);
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Which partitions are folded here; all by default. The state has those that it was ever assigned. */
  readonly assignment?: Assignment;
  /** Milliseconds between two looks at whether the topic has grown, or was deleted or made again. */
  readonly topicCheckMs?: number;
  /** Records of one transaction at most. */
  readonly commitRecordsMax?: number;
  /** Milliseconds that a record may wait for more before its transaction. */
  readonly commitDelayMs?: number;
}

export interface Fold {
  status(): FoldStatus;
  /**
   * Resolves once the state has every record that the topic had at the time of the call.
   *
   * @throws ThroughlineError the error that stopped the fold; CLOSED
   */
  caughtUp(): Promise<void>;
  /**
   * Folds the topic again from its first record into a fresh state, which then takes the place of the present one in one
   * step; until then the present state stands still and can be read. It also starts a fold that an error has stopped.
   *
   * @throws ThroughlineError what stopped it, the present state being left as it was; FOLD_FENCED; CLOSED
   */
  replay(): Promise<void>;
  /** Resolves when the fold has stopped: with the error that stopped it, or undefined after `close`. */
  readonly stopped: Promise<ThroughlineError | undefined>;
  /** Stops after the transaction under way and closes the store. */
  close(): Promise<void>;
}
