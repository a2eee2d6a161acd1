// One simulated machine: a clock that moves only when all is quiet, a disk in memory that is slow, fills up, fails and forgets
// what was not synced, a network that breaks, and a broker that lives on it, dies, and is born again. Everything comes from one
// seed; nothing asks the real machine for time or chance, so that a seed repeats to the last byte.
import { seededRandom, type Clock, type Random, type Timer } from '@throughline/event';
import type { Disk } from '@throughline/broker';
import { FaultyDisk, LossyDisk, LossyNetwork, slowDisk, VirtualClock } from '@throughline/testkit';
import { DefectRecorder } from '../workload/defect-recorder.ts';
import { Recorder } from '../workload/recorder.ts';

/** One life of the broker's process: what it holds of the machine, until it dies. */
export class Life {
  readonly disk: FaultyDisk;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when the process is gone. */
  readonly whenDead: Promise<void>;
  isDead = false;
  readonly #world: World;
  readonly #memory: LossyDisk;
  readonly #died = Promise.withResolvers<void>();
  readonly #timers = new Set<Timer>();

  constructor(world: World, memory: LossyDisk, seed: number) {
    this.#world = world;
    this.#memory = memory;
    this.random = seededRandom(seed);
    const { clock } = world;
    this.clock = {
      // A machine's wall clock counts whole milliseconds.
      nowMs: () => Math.floor(clock.nowMs()) + world.wallJumpMs,
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, action) => this.#after(clock, delayMs, action),
    };
    const slow = slowDisk(memory, { clock: this.clock, random: seededRandom(seed + 1), latencyMsMax: 1 });
    this.disk = new FaultyDisk(slow);
    this.whenDead = this.#died.promise;
  }

  /** kill -9: what was written stays, its timers never fire, its disk fails it. */
  async kill(): Promise<void> {
    if (this.isDead) return;
    this.isDead = true;
    // What no client sees counts for the digest of a run, too.
    this.#world.recorder.mark(`killed after ${this.disk.operationCount} changes of the disk`);
    for (const timer of this.#timers) timer.cancel();
    this.#died.resolve();
    await this.disk.die();
    this.#memory.crash();
  }

  /** A timer of a process that dies is gone with it. */
  #after(clock: Clock, delayMs: number, action: () => void): Timer {
    if (this.isDead) return { cancel: () => {} };
    const timer = clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }
}

export class World {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly memory = new LossyDisk();
  readonly network: LossyNetwork;
  readonly recorder: Recorder;
  /** What the broker logs. */
  readonly logger = new DefectRecorder();
  /** For the workload, and for the nemesis: each has its own, so that one does not shift the other. */
  readonly workRandom: Random;
  readonly nemesisRandom: Random;
  /** What the broker's wall clock is wrong by, in milliseconds. */
  wallJumpMs = 0;
  #lifeCount = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.recorder = new Recorder(this.clock);
    this.workRandom = seededRandom(seed * 7 + 1);
    this.nemesisRandom = seededRandom(seed * 7 + 2);
    this.network = new LossyNetwork({ clock: this.clock, random: seededRandom(seed * 7 + 3) });
  }

  newLife(): Life {
    return new Life(this, this.memory, this.seed * 1000 + this.#lifeCount++ * 2);
  }

  /** The power goes: what was not synced is lost, torn or garbage. */
  cutPower(): void {
    this.memory.cutPower(this.nemesisRandom);
  }

  /** Lets time pass until `work` is done; `limitMs` of virtual time is more than it can need. */
  async run<Result>(work: Promise<Result>, limitMs: number): Promise<Result> {
    const state = { isDone: false };
    const done = work.finally(() => (state.isDone = true));
    // Its rejection is met where it is awaited, below.
    done.catch(() => {});
    while (!state.isDone) {
      if (this.clock.monotonicMs() > limitMs) throw new Error(`nothing has come of it in ${limitMs} ms`);
      await this.clock.advance(5);
    }
    return done;
  }
}

/** A disk for a broker that does one thing wrong is the life's disk with one thing changed. */
export type DiskOf = (life: Life) => Disk;
