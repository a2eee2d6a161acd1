// What may wait for what while it is held. A wait in a circle is a broker that stands still for ever, with nothing wrong
// anywhere; so everything that can be held has its place in one order, and whoever holds something waits only for what
// stands behind it:
//
//   held                                           and meanwhile waited for
//   1 changes      one change of topics or         writing (a change of durability stops it, a deletion ends it),
//                  settings at a time              upkeep, the metadata log
//   2 retention    one run at a time               writing (it closes a segment), upkeep, log starts
//   3 writing      a partition's place in its      commits (those before its turn), upkeep (a change of durability
//                  own queue of writes             syncs), the disk
//   4 commits      the loop of the commit journal  checkpoint (it makes a full file free), the disk
//   5 checkpoint   one at a time                   upkeep of each partition, the disk
//   6 upkeep       syncing, removing and closing   log starts, the disk
//                  of one partition
//   7 log starts   the file that notes them        the disk
//
// Every arrow points down, so that there is no circle. Of one kind only `writing` is held for several partitions at once:
// by a change of durability, and of those there is one at a time; a partition's own loop waits for no other partition's.
// The disk stands for everything that ends by itself: files, the pool of open segments, the syncs of one segment in turn.
//
// In particular nobody waits for a commit while it holds `upkeep` or `checkpoint`: a commit may wait for a free file of the
// journal, that for a checkpoint, and the checkpoint for the upkeep of every partition.
//
// What is held is known along a chain of asynchronous calls, and each wait asserts it: one that breaks the order fails at
// once, in the first test that comes by, and not when a disk is slow. Loops that outlive whoever started them, and
// listeners, hold nothing of his.
import { AsyncLocalStorage } from 'node:async_hooks';
import { assert, Turns } from '@throughline/event';

const order = ['changes', 'retention', 'writing', 'commits', 'checkpoint', 'upkeep', 'log starts'] as const;

/** Something that can be held; `commits` are only waited for. */
export type Held = (typeof order)[number];

/** The last in the order of what is held. */
const holding = new AsyncLocalStorage<Held | undefined>();

/** @throws ThroughlineError INTERNAL when something is held that `what` may need */
export function mayWaitFor(what: Held): void {
  const held = holding.getStore();
  if (held === undefined) return;
  assert(order.indexOf(held) < order.indexOf(what), `nobody waits for ${what} who holds ${held} (wait-order.ts)`);
}

/** Runs `action`, which holds `what` until it ends. */
export function whileHolding<Result>(what: Held, action: () => Result): Result {
  return holding.run(what, action);
}

/** Runs `action`, which holds nothing of what is held here. */
export function holdingNothing<Result>(action: () => Result): Result {
  return holding.getStore() === undefined ? action() : holding.run(undefined, action);
}

/** Things that happen one at a time, each of which holds its place in the order meanwhile. */
export class OrderedTurns {
  readonly #held: Held;
  readonly #turns = new Turns();
  /** What is under way, in words. */
  #running: string | undefined;
  #turnCount = 0;

  constructor(held: Held) {
    this.#held = held;
  }

  /** @throws ThroughlineError INTERNAL when something is held that another one's turn may need */
  run<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
    mayWaitFor(this.#held);
    return this.#turns.run(async () => {
      this.#running = what;
      try {
        return await whileHolding(this.#held, action);
      } finally {
        this.#running = undefined;
        this.#turnCount++;
      }
    });
  }

  /** Resolves when everything handed in before has ended. */
  async settled(): Promise<void> {
    mayWaitFor(this.#held);
    await this.#turns.run(async () => {});
  }

  /** What has the turn now, in words. */
  get waitsFor(): string | undefined {
    return this.#running;
  }

  /** Turns that have ended. */
  get stepCount(): number {
    return this.#turnCount;
  }
}
