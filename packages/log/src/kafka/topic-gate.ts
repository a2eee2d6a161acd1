// Keeps the calls of `append` to one topic in their order while something about the topic has to be found out first. A call
// passes at once when everything is known; otherwise it waits in line, and all pass in turn when the answer is there.
import { ThroughlineError } from '@throughline/event';
import type { TopicLeaders } from './cluster.ts';

/** What an append has to know of its topic. */
export interface KnownTopic {
  readonly metadata: TopicLeaders;
  /** The largest batch that it takes, in bytes. */
  readonly recordBytesMax: number;
}

export interface TopicGateOptions {
  /** What is known without asking; undefined when that is nothing, or too old. */
  readonly known: () => KnownTopic | undefined;
  /** Asks. */
  readonly load: () => Promise<KnownTopic>;
}

interface Waiting {
  readonly pass: (state: KnownTopic) => void;
  readonly reject: (error: unknown) => void;
}

export class TopicGate {
  readonly #options: TopicGateOptions;
  #waiting: Waiting[] = [];
  #holdCount = 0;
  #isLoading = false;

  constructor(options: TopicGateOptions) {
    this.#options = options;
  }

  /** Calls `act` when it is this call's turn: before this returns, if nothing is in the way. */
  pass<Result>(act: (state: KnownTopic) => Promise<Result>): Promise<Result> {
    const state = this.#waiting.length === 0 && this.#holdCount === 0 ? this.#options.known() : undefined;
    if (state !== undefined) return act(state);
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        pass: (known) => {
          // Started here and now, in turn; only the answer is waited for.
          act(known).then(resolve, reject);
        },
        reject,
      });
      this.#open();
    });
  }

  /** Lets no call pass until `until` has settled. */
  hold(until: Promise<unknown>): void {
    this.#holdCount++;
    const release = (): void => {
      this.#holdCount--;
      this.#open();
    };
    until.then(release, release);
  }

  /** Resolves when no call waits any more. */
  passed(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => resolve();
      this.#waiting.push({ pass: done, reject: done });
    });
  }

  #open(): void {
    if (this.#waiting.length === 0 || this.#holdCount > 0 || this.#isLoading) return;
    const state = this.#options.known();
    if (state !== undefined) return this.#let(state);
    this.#isLoading = true;
    this.#options.load().then(
      (loaded) => {
        this.#isLoading = false;
        if (this.#holdCount === 0) this.#let(loaded);
      },
      (error: unknown) => {
        this.#isLoading = false;
        for (const { reject } of this.#waiting.splice(0)) reject(ThroughlineError.from(error));
      },
    );
  }

  #let(state: KnownTopic): void {
    for (const { pass } of this.#waiting.splice(0)) pass(state);
  }
}
