// Keeps an eye on the process of an environment while it serves: how much memory it holds, and, where several invocations
// share it, whether it is stuck. An endless loop keeps its neighbours from going on; alone, it only keeps itself, and its
// time-out ends it. Nothing is watched while nothing runs.
import type { Clock, Timer } from '@throughline/event';
import { memorySampleMs, memoryWatchMs, unansweredPingCount } from '../defaults.ts';

export interface ProcessWatchOptions {
  readonly clock: Clock;
  readonly memoryBytesMax: number;
  readonly unresponsiveMs: number;
  /** Invocations under way. */
  readonly runningCount: () => number;
  /** Whether an answer would be heard: it has loaded the function, and its pipe is read. */
  readonly isHeard: () => boolean;
  readonly residentBytes: () => number;
  /** Asks for an answer, see `answered`. */
  readonly ping: () => void;
  readonly onTooMuchMemory: () => void;
  readonly onStuck: () => void;
}

export class ProcessWatch {
  /** Most memory seen, in bytes. */
  bytesMax = 0;
  readonly #options: ProcessWatchOptions;
  #memoryTimer: Timer | undefined;
  #pingTimer: Timer | undefined;
  #sampledMs = -Infinity;
  #unanswered = 0;
  #isStopped = false;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
  }

  /** Begins to watch; to be called whenever an invocation begins. */
  begin(): void {
    if (this.#isStopped) return;
    this.#watchMemory();
    this.#watchAnswers();
  }

  /** The process has answered. */
  answered(): void {
    this.#unanswered = 0;
  }

  /** An invocation has ended. */
  ended(): void {
    // The last look was just now, where invocations are short: a look costs as much as one of them.
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#sampledMs >= memorySampleMs) this.#sampleMemory(nowMs);
  }

  #sampleMemory(nowMs: number): number {
    this.#sampledMs = nowMs;
    const bytes = this.#options.residentBytes();
    this.bytesMax = Math.max(this.bytesMax, bytes);
    return bytes;
  }

  stop(): void {
    this.#isStopped = true;
    this.#memoryTimer?.cancel();
    this.#pingTimer?.cancel();
  }

  #watchMemory(): void {
    const { clock, memoryBytesMax, onTooMuchMemory, runningCount } = this.#options;
    this.#memoryTimer ??= clock.after(memoryWatchMs, () => {
      this.#memoryTimer = undefined;
      if (this.#sampleMemory(clock.monotonicMs()) > memoryBytesMax) onTooMuchMemory();
      else if (runningCount() > 0) this.#watchMemory();
    });
  }

  #watchAnswers(): void {
    const { clock, unresponsiveMs, runningCount, isHeard, ping, onStuck } = this.#options;
    if (runningCount() < 2) {
      this.#unanswered = 0;
      return;
    }
    this.#pingTimer ??= clock.after(unresponsiveMs / unansweredPingCount, () => {
      this.#pingTimer = undefined;
      if (!isHeard()) this.#unanswered = 0;
      else if (this.#unanswered >= unansweredPingCount) return onStuck();
      else {
        this.#unanswered++;
        ping();
      }
      this.#watchAnswers();
    });
  }
}
