// The phases of a consumer, what each of them holds, and every way from one to another. The table is data: the consumer
// moves by it and by nothing else (a way that is not in it is a defect, and asserted), a test walks through every row, and
// docs/internals/consumer.md shows it.
import { assert, type ThroughlineError } from '@throughline/event';
import { defaults } from '../defaults.ts';
import type { HistoryBreak } from './history-break.ts';

/** What went wrong last, and how often in a row. */
export interface Failure {
  readonly error: ThroughlineError;
  readonly tryCount: number;
}

export type ConsumerPhase =
  /** Reading what the topic had when it was last looked at. After a failure until something proves that it is over. */
  | { readonly name: 'catching-up'; readonly failure: Failure | undefined }
  /** All of that has been handed on; what comes is handed on as it comes. */
  | { readonly name: 'live' }
  /** An error that may pass; the next try is on its way. */
  | { readonly name: 'waiting'; readonly failure: Failure }
  /** The topic is not there. It is looked for until it is there again. */
  | { readonly name: 'absent'; readonly failure: Failure }
  /** The user of the consumer answers a break in the history, or was asked to begin again. */
  | { readonly name: 'restarting'; readonly cause: HistoryBreak; readonly failure: Failure | undefined }
  /** Nothing is read any more: closed (no reason), or an error that the same records would bring again. */
  | { readonly name: 'stopped'; readonly reason: ThroughlineError | undefined };

export type PhaseName = ConsumerPhase['name'];

export type PhaseEvent =
  | 'reached'
  | 'progressed'
  | 'failed'
  | 'retried'
  | 'removed'
  | 'found'
  | 'broken'
  | 'restarted'
  | 'stopped';

export interface Transition {
  readonly from: PhaseName;
  readonly on: PhaseEvent;
  readonly to: PhaseName;
  /** What has happened, in words. */
  readonly when: string;
}

const reached = 'everything is handed on that the topic had when it was last looked at';
const failed = 'an error that may pass';
const removed = 'the topic is not there any more';
const broken = 'the history is another one: the topic was made again, records are gone unseen or have changed';
const stopped = 'closed, or an error that trying again cannot heal';

export const transitions: readonly Transition[] = [
  { from: 'catching-up', on: 'reached', to: 'live', when: reached },
  { from: 'catching-up', on: 'progressed', to: 'catching-up', when: 'the first records after a failure' },
  { from: 'catching-up', on: 'failed', to: 'waiting', when: failed },
  { from: 'catching-up', on: 'removed', to: 'absent', when: removed },
  { from: 'catching-up', on: 'broken', to: 'restarting', when: broken },
  { from: 'catching-up', on: 'stopped', to: 'stopped', when: stopped },
  { from: 'live', on: 'failed', to: 'waiting', when: failed },
  { from: 'live', on: 'removed', to: 'absent', when: removed },
  { from: 'live', on: 'broken', to: 'restarting', when: `${broken}; or somebody asks for a replay` },
  { from: 'live', on: 'stopped', to: 'stopped', when: stopped },
  { from: 'waiting', on: 'retried', to: 'catching-up', when: 'the time is over' },
  { from: 'waiting', on: 'broken', to: 'restarting', when: 'the time is over and the restart failed before' },
  { from: 'waiting', on: 'stopped', to: 'stopped', when: 'closed' },
  { from: 'absent', on: 'found', to: 'catching-up', when: 'the topic is there, and is the one that it was' },
  { from: 'absent', on: 'broken', to: 'restarting', when: 'a topic of that name was made again' },
  { from: 'absent', on: 'failed', to: 'waiting', when: 'the log cannot be asked' },
  { from: 'absent', on: 'stopped', to: 'stopped', when: 'closed' },
  { from: 'restarting', on: 'restarted', to: 'catching-up', when: 'its user says where to go on' },
  { from: 'restarting', on: 'failed', to: 'waiting', when: failed },
  { from: 'restarting', on: 'removed', to: 'absent', when: removed },
  { from: 'restarting', on: 'stopped', to: 'stopped', when: 'its user would rather stand still, with the reason' },
  { from: 'stopped', on: 'broken', to: 'restarting', when: 'somebody asks for a replay' },
];

const byWay = new Map(transitions.map((each) => [`${each.from} ${each.on}`, each.to]));

/**
 * `to`, where the table has the way.
 *
 * @throws ThroughlineError INTERNAL: a defect of the consumer
 */
export function move(from: ConsumerPhase, on: PhaseEvent, to: ConsumerPhase): ConsumerPhase {
  assert(byWay.get(`${from.name} ${on}`) === to.name, `a consumer goes from ${from.name} by "${on}" to ${to.name}`);
  return to;
}

/** What keeps a consumer from its work, or kept it from it last and is not known to be over. */
export function problemOf(phase: ConsumerPhase): ThroughlineError | undefined {
  switch (phase.name) {
    case 'live':
      return undefined;
    case 'stopped':
      return phase.reason;
    case 'restarting':
      return phase.failure?.error ?? phase.cause.error;
    default:
      return phase.failure?.error;
  }
}

/** What failed last, where that is not known to be over. */
export function failureOf(phase: ConsumerPhase): Failure | undefined {
  return 'failure' in phase ? phase.failure : undefined;
}

/** Milliseconds before try `tryCount + 1`. */
export function retryAfterMs(tryCount: number, minMs: number | undefined): number {
  return Math.min((minMs ?? defaults.retryDelayMsMin) * 2 ** Math.min(tryCount - 1, 30), defaults.retryDelayMsMax);
}
