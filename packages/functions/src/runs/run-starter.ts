// Hands the runs of one function to its invoker. Only a few of those that wait are handed over ahead, so that other callers
// of the function find room in its queue; the others keep their order here. Interrupted runs go first: somebody is
// reading them.
import type { Random } from '@throughline/event';
import { runsAheadMax, sharedDeathCount } from '../defaults.ts';
import type { InvocationError, InvocationSink, StartedInvocation } from '../invoker/invocation-contract.ts';
import type { Invoker } from '../invoker/invoker.ts';
import { newRequestId } from '../invoker/request-id.ts';
import { handlerEvent } from './handler-event.ts';
import type { RunAttempt } from './run-attempt.ts';
import type { RunConfig } from './run-config.ts';
import type { RunEntry } from './run-table.ts';

export interface RunStarterOptions {
  readonly invoker: Pick<Invoker, 'invoke' | 'config'>;
  readonly config: RunConfig;
  readonly random: Random;
  /** The run has an environment, in which it is started in this turn. */
  begin(entry: RunEntry, invocation: StartedInvocation, stop: AbortController): RunAttempt;
  /** It got none, for a reason other than that it gave its place up. */
  onNotStarted(entry: RunEntry, error: InvocationError): void;
}

/** A run's place in the order. */
interface Place {
  readonly entry: RunEntry;
  readonly stop: AbortController;
}

export class RunStarter {
  readonly config: RunConfig;
  readonly #options: RunStarterOptions;
  /** In the order in which they are handed on. */
  readonly #backlog = new Set<Place>();
  /** Runs that the invoker has and that have no environment yet. */
  #aheadCount = 0;
  #isHandingOn = false;
  /** The invoker had no room for the last one. */
  #isRejected = false;

  constructor(options: RunStarterOptions) {
    this.#options = options;
    this.config = options.config;
  }

  /** Runs that wait and are not in the queue of the invoker. */
  get backlogCount(): number {
    return this.#backlog.size;
  }

  /** Starts an attempt at a run as soon as an environment is free. */
  enqueue(entry: RunEntry, isResumed: boolean): void {
    const place = { entry, stop: new AbortController() };
    entry.waiting = place.stop;
    // Those are few: no more than there were environments.
    if (isResumed) return this.#hand(place, true);
    // As a rule nothing waits here.
    if (this.#backlog.size === 0 && this.#aheadCount < runsAheadMax) return this.#hand(place, false);
    this.#backlog.add(place);
    place.stop.signal.addEventListener('abort', () => this.#backlog.delete(place), { once: true });
    this.#handOn();
  }

  /** An invoker without room is asked again with the next run, which the one that it has rejected is in the end itself. */
  #handOn(): void {
    if (this.#isHandingOn) return;
    this.#isHandingOn = true;
    this.#isRejected = false;
    for (const place of this.#backlog) {
      if (this.#aheadCount >= runsAheadMax || this.#isRejected) break;
      this.#backlog.delete(place);
      this.#hand(place, false);
    }
    this.#isHandingOn = false;
  }

  #hand({ entry, stop }: Place, isUrgent: boolean): void {
    const { invoker, random } = this.#options;
    let attempt: RunAttempt | undefined;
    const isNowWaiting = (): void => {
      this.#aheadCount--;
      if (entry.waiting === stop) entry.waiting = undefined;
    };
    const sink: InvocationSink = {
      started: (invocation) => {
        isNowWaiting();
        attempt = this.#options.begin(entry, invocation, stop);
        this.#handOn();
      },
      write: (bytes) => attempt?.write(bytes),
      ended: (settlement) => {
        if (attempt !== undefined) return attempt.ended(settlement);
        isNowWaiting();
        const { error } = settlement;
        const isOurs = error !== undefined && !stop.signal.aborted;
        this.#isRejected = isOurs && error.isRetriable;
        if (isOurs) this.#options.onNotStarted(entry, error);
        if (!this.#isRejected) this.#handOn();
      },
    };
    this.#aheadCount++;
    const isAlone = invoker.config.invocationsPerEnvironment > 1 && entry.deaths >= sharedDeathCount;
    const event = (): string => handlerEvent(entry.conversation, entry.run);
    void invoker.invoke({ requestId: newRequestId(random), event, isUrgent, isAlone }, sink, stop.signal);
  }
}
