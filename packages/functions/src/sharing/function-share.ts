// Which runs of one function are started here: those of the partitions that it holds. Alone on a log it holds them all; on a
// log that several supervisors share, a consumer group of the function says which (decision 0105).
//
//            assigned        read to its end          revoked              claims are read back        nothing is at work here
//   (none) ───────────▶ behind ───────────▶ ours ───────────▶ leaving ────────────────────▶ trailing ──────────────▶ (none)
//                         ▲                   │ lost               (released to others here)     │
//                         │                   └──────────────────────────────────────────────────▶
//                         └────────────────────────────── assigned again ────────────────────────┘
//
// Others get a partition as soon as they can see what was begun here; what was begun here goes on to its end beside them,
// under its lease, while the partition is still read.
import type { Assignment } from '@throughline/fold';

export type Standing =
  /** Held, and not read to its end yet. */
  | 'behind'
  /** Its runs are started here. */
  | 'ours'
  /** To be released, as soon as what was begun here can be seen by everybody. */
  | 'leaving'
  /** Others start its runs; those that were begun here go on. */
  | 'trailing';

export interface Part {
  readonly partition: number;
  standing: Standing;
  /** Somebody waits for its end already. */
  isCatchingUp: boolean;
}

/** What is being done about the runs of a function in a partition. */
export interface WorkInPartition {
  /** A record that begins or ends a run is on its way, or was not read back yet. */
  isUnsettled(partition: number): boolean;
  /** A run that was begun here has not ended. */
  isAtWork(partition: number): boolean;
}

export class FunctionShare {
  readonly #assignment: Assignment;
  readonly #work: WorkInPartition;
  readonly #parts = new Map<number, Part>();

  constructor(assignment: Assignment, work: WorkInPartition) {
    this.#assignment = assignment;
    this.#work = work;
  }

  /** Those whose runs are started here. */
  get ours(): readonly number[] {
    return [...this.#parts.values()]
      .flatMap(({ partition, standing }) => (standing === 'ours' ? [partition] : []))
      .toSorted((a, b) => a - b);
  }

  /** Whether there are some that are held, and not read to their end yet. */
  get isBehind(): boolean {
    return [...this.#parts.values()].some(({ standing }) => standing === 'behind');
  }

  /** Those that have to be read. */
  get read(): readonly number[] {
    return [...this.#parts.keys()];
  }

  mayStart(partition: number): boolean {
    return this.#parts.get(partition)?.standing === 'ours';
  }

  /** Held, not read to their end, and nobody waits for that yet. */
  get unread(): readonly Part[] {
    return [...this.#parts.values()].filter((part) => part.standing === 'behind' && !part.isCatchingUp);
  }

  /** `part` has been read to the end that it had when it was assigned. @returns whether that still matters */
  caughtUp(part: Part): boolean {
    if (this.#parts.get(part.partition) !== part || part.standing !== 'behind') return false;
    part.standing = 'ours';
    return true;
  }

  /**
   * Takes in which partitions it holds now, of those that the topic has.
   *
   * @returns those whose runs are to be started here and were not, and those that are others' business from now on
   */
  take(partitionCount: number): { readonly gained: readonly number[]; readonly given: readonly number[] } {
    const held = new Set(this.#assignment.partitions(partitionCount));
    const gained: number[] = [];
    const given: number[] = [];
    for (const partition of held) {
      const standing = this.#parts.get(partition)?.standing;
      if (standing === 'behind' || standing === 'ours') continue;
      this.#parts.set(partition, { partition, standing: 'behind', isCatchingUp: false });
      gained.push(partition);
    }
    for (const part of this.#parts.values()) {
      if (held.has(part.partition) || part.standing === 'leaving' || part.standing === 'trailing') continue;
      part.standing = 'leaving';
      given.push(part.partition);
    }
    return { gained, given };
  }

  /** Releases to others what they can take over, and forgets what is through. @returns whether less has to be read */
  release(): boolean {
    let isLess = false;
    for (const part of this.#parts.values()) {
      const { partition } = part;
      if (part.standing === 'leaving' && !this.#work.isUnsettled(partition)) part.standing = 'trailing';
      if (part.standing === 'trailing' && !this.#work.isAtWork(partition)) isLess = this.#parts.delete(partition);
    }
    const kept = [...this.#parts.values()].filter(({ standing }) => standing !== 'trailing');
    this.#assignment.settled?.(kept.map(({ partition }) => partition));
    return isLess;
  }

  /** Whether `release` may find something in `partition`. */
  isGoing(partition: number): boolean {
    const standing = this.#parts.get(partition)?.standing;
    return standing === 'leaving' || standing === 'trailing';
  }

  /** Another history begins: nothing was read of it, and nothing is at work. */
  startOver(): void {
    for (const { partition, standing } of this.#parts.values()) {
      if (standing === 'behind' || standing === 'ours')
        this.#parts.set(partition, { partition, standing: 'behind', isCatchingUp: false });
    }
  }
}
