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
export interface Open {
  readonly offset: bigint;
  /** Of the record before it. */
  readonly epochBefore: number;
  isDone: boolean;
}

export class OffsetTracker {
  /** In the order of their offsets; those before `#head` are done. */
  #open: Open[] = [];
  #head = 0;
  /** What has been read, and passed or opened. */
  #read: Place;

  constructor(start: Place) {
    this.#read = start;
  }

  /** What is before it has been read. */
  get read(): Place {
    return this.#read;
  }

  /** Records from the first that is not done on. */
  get openCount(): number {
    return this.#open.length - this.#head;
  }

  /** What is before it is done. */
  get place(): Place {
    const first = this.#open[this.#head];
    return first === undefined ? this.#read : { offset: first.offset, leaderEpoch: first.epochBefore };
  }

  /** It is handed on; `done` takes what is returned. */
  opened(offset: bigint): Open {
    const open: Open = { offset, epochBefore: this.#read.leaderEpoch, isDone: false };
    this.#open.push(open);
    return open;
  }

  /** Reading has come so far: whatever lies before it was opened, or needs no work. */
  moveTo(offset: bigint, leaderEpoch: number = unknownEpoch): void {
    this.#read = { offset, leaderEpoch };
  }

  /** @returns whether the place has moved */
  done(record: Open): boolean {
    record.isDone = true;
    const before = this.#head;
    while (this.#open[this.#head]?.isDone === true) this.#head++;
    const hasMoved = this.#head > before;
    // Cut now and then: what is cut off is half of it at least, so that each record is moved once as a rule.
    if (this.#head > 1024 && this.#head > this.#open.length / 2) {
      this.#open = this.#open.slice(this.#head);
      this.#head = 0;
    }
    return hasMoved;
  }
}
