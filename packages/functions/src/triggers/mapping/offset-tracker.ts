// How far a partition has been worked on: the offset before which everything is done. Records are opened in their order, and done
// in any: lanes are not equally fast. What is below the place may be committed, and nothing else.
import { unknownEpoch } from '@throughline/log';

/** Where a partition goes on, as a group commits it. */
export interface Place {
  readonly offset: bigint;
  /** The leader epoch of the record before; -1 where it is not known. */
  readonly leaderEpoch: number;
}

/** A record that was handed on and is not done yet. */
interface Open {
  readonly offset: bigint;
  /** Of the record before it. */
  readonly epochBefore: number;
  isDone: boolean;
}

export class OffsetTracker {
  readonly #open = new Map<bigint, Open>();
  /** What has been read, and passed or opened. */
  #read: Place;

  constructor(start: Place) {
    this.#read = start;
  }

  /** What is before it has been read. */
  get read(): Place {
    return this.#read;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** What is before it is done. */
  get place(): Place {
    const [first] = this.#open.values();
    return first === undefined ? this.#read : { offset: first.offset, leaderEpoch: first.epochBefore };
  }

  opened(offset: bigint): void {
    this.#open.set(offset, { offset, epochBefore: this.#read.leaderEpoch, isDone: false });
  }

  /** Reading has come so far: whatever lies before it was opened, or needs no work. */
  moveTo(offset: bigint, leaderEpoch: number = unknownEpoch): void {
    this.#read = { offset, leaderEpoch };
  }

  /** @returns whether the place has moved */
  done(offset: bigint): boolean {
    const record = this.#open.get(offset);
    if (record === undefined) return false;
    record.isDone = true;
    let hasMoved = false;
    for (const { offset: first, isDone } of this.#open.values()) {
      if (!isDone) break;
      this.#open.delete(first);
      hasMoved = true;
    }
    return hasMoved;
  }
}
