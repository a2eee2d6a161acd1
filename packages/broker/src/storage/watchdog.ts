// Says what stands still. A disk that hangs, or a wait that never ends, looks from outside like a quiet server: appends are
// not answered, and nothing is logged. So now and then everything that can wait is looked at, and what has not come a step
// further for a while is named: which partition, for how long, and what it waits for; with it what the journal and the
// checkpoint wait for, since most waits end there.
//
// A step is counted where it happens and looked at from here, so that appends pay nothing for it.
import type { Clock, ErrorCode, Logger } from '@throughline/event';
import { stallLinesMax, stallMs } from '../defaults.ts';

/** Something that may stand still. */
export interface Watched {
  /** What it waits for now, in words; undefined while it waits for nothing. */
  readonly waitsFor: string | undefined;
  /** Changes with each step forward. */
  readonly stepCount: number;
}

/** A partition, with what of it is watched. */
export interface WatchedPartition {
  readonly name: string;
  readonly watched: readonly Watched[];
}

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly partitions: () => Iterable<WatchedPartition>;
  readonly journal: Watched;
  readonly checkpoints: Watched;
}

interface Stall {
  readonly waitsFor: string;
  readonly stepCount: number;
  /** When it was first seen so. */
  readonly sinceMs: number;
  /** When it is told of next. */
  readonly tellAtMs: number;
}

const code: ErrorCode = 'LOG_STALLED';

export class Watchdog {
  readonly #options: WatchdogOptions;
  #stalls = new Map<Watched, Stall>();

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Looks at everything; tells of what has stood still for long, and again whenever that time has doubled. */
  look(): void {
    const { clock, logger, partitions, journal, checkpoints } = this.#options;
    const nowMs = clock.monotonicMs();
    const stalls = new Map<Watched, Stall>();
    let toldCount = 0;
    for (const { name, watched } of partitions()) {
      for (const one of watched) {
        const stall = this.#stallOf(one, nowMs);
        if (stall === undefined) continue;
        const isTold = nowMs >= stall.tellAtMs;
        const waitMs = Math.round(nowMs - stall.sinceMs);
        stalls.set(one, isTold ? { ...stall, tellAtMs: nowMs + Math.max(waitMs, stallMs) } : stall);
        if (!isTold || ++toldCount > stallLinesMax) continue;
        const others = { journal: journal.waitsFor ?? 'nothing', checkpoint: checkpoints.waitsFor ?? 'nothing' };
        logger.error(
          { code, partition: name, waitsFor: stall.waitsFor, ...others, waitMs },
          'a partition stands still',
        );
      }
    }
    if (toldCount > stallLinesMax) {
      logger.error({ code, partitionCount: toldCount - stallLinesMax }, 'more partitions stand still');
    }
    this.#stalls = stalls;
  }

  #stallOf(watched: Watched, nowMs: number): Stall | undefined {
    const { waitsFor, stepCount } = watched;
    if (waitsFor === undefined) return undefined;
    const known = this.#stalls.get(watched);
    if (known?.waitsFor === waitsFor && known.stepCount === stepCount) return known;
    return { waitsFor, stepCount, sinceMs: nowMs, tellAtMs: nowMs + stallMs };
  }
}
