// How far a fold is, as status pages and checks of health show it. Whoever folds a topic with a consumer of its own says it in
// the same words.
import type { ErrorBody, ThroughlineError } from '@throughline/event';
import type { Consumer } from './consumer/consumer.ts';
import type { ConsumerPhase } from './consumer/phases.ts';

export interface FoldStatus {
  readonly name: string;
  readonly topic: string;
  /** `absent`: the topic was deleted; the fold goes on once it is there again, as its history allows. */
  readonly phase: 'catching-up' | 'live' | 'absent' | 'stopped';
  /** Index = partition: the next offset to fold. */
  readonly offsets: readonly bigint[];
  /** Records between the state and the high watermarks last seen. */
  readonly lagRecords: number;
  /** Records that were no valid event. */
  readonly skippedRecords: number;
  /** Offsets that the log could not read: they are in no state until the log is repaired and the fold replayed. */
  readonly damagedRecords: number;
  /** Why it stopped, what it tries again, or why its last replay failed. */
  readonly lastError?: ErrorBody;
}

/** What people are told of the phases of a consumer. */
const shownPhases = {
  'catching-up': 'catching-up',
  live: 'live',
  waiting: 'catching-up',
  absent: 'absent',
  restarting: 'catching-up',
  stopped: 'stopped',
} as const satisfies Record<ConsumerPhase['name'], FoldStatus['phase']>;

/**
 * The status of a fold that `consumer` feeds; skipped and damaged records are counted since its start.
 *
 * @param otherError shown while nothing keeps the consumer from its work
 * @example foldStatus(consumer, { name: 'words', topic: 'notes' }).lagRecords
 */
export function foldStatus(
  consumer: Consumer,
  { name, topic }: Pick<FoldStatus, 'name' | 'topic'>,
  otherError?: ThroughlineError,
): FoldStatus {
  const { phase, positions, lagRecords, skippedRecords, damagedRecords, problem = otherError } = consumer;
  return {
    name,
    topic,
    phase: shownPhases[phase.name],
    offsets: [...positions],
    lagRecords,
    skippedRecords,
    damagedRecords,
    ...(problem === undefined ? {} : { lastError: problem.toJSON() }),
  };
}
