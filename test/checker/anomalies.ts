// The classes of what can be wrong with a log, named as jepsen.tests.kafka names them where it has them (`int-` is within one
// operation, without it across the operations of one process), and a list of finds that stays small when everything is wrong.

export const anomalyClasses = {
  'lost-write': 'an acknowledged record was not seen, though a later one of its partition was',
  unseen: 'an acknowledged record was never seen',
  'vanished-read': 'a record that somebody had seen is gone when everything is read at the end',
  duplicate: 'one send left its record at more than one offset',
  'inconsistent-offsets': 'one offset held more than one value',
  'aborted-read': 'a record was seen whose send had been rejected',
  'unsent-read': 'a record was seen that nobody had sent there',
  'poll-skip': 'the polls of a process passed over a record',
  'int-poll-skip': 'one poll passed over a record',
  'nonmonotonic-poll': 'a process polled what it had polled before',
  'int-nonmonotonic-poll': 'one poll went backwards',
  'nonmonotonic-send': 'a process sent after an acknowledgement, and the record landed before the acknowledged one',
  'int-nonmonotonic-send': 'sends of one operation landed in another order than they were sent in',
  'realtime-nonmonotonic-send': 'a record landed before one that another process had had acknowledged when it was sent',
  'epoch-not-bumped': 'a record written after an unclean restart has no higher leader epoch than those before it',
  'lost-commit': 'a group had a lower offset than was committed',
  'nonmonotonic-commit': 'a commit took the offset of a group backwards',
  'stale-generation': 'a member of an earlier generation committed',
  'overlapping-assignment': 'two members of one generation read the same partition',
  'group-skip': 'a group committed past a record that none of its members had been given',
} as const;

export type AnomalyClass = keyof typeof anomalyClasses;

export interface Anomaly {
  readonly class: AnomalyClass;
  readonly partition?: number;
  /** The records it is about. */
  readonly values?: readonly number[];
  /** The positions in the history of the operations that show it. */
  readonly operations: readonly number[];
  readonly text: string;
}

/** Of each class so many are kept; the others are counted. */
const keptPerClassMax = 16;

export class AnomalyList {
  readonly #kept = new Map<AnomalyClass, Anomaly[]>();
  readonly #counts = new Map<AnomalyClass, number>();

  add(anomaly: Anomaly): void {
    this.#counts.set(anomaly.class, this.count(anomaly.class) + 1);
    const kept = this.#kept.get(anomaly.class);
    if (kept === undefined) this.#kept.set(anomaly.class, [anomaly]);
    else if (kept.length < keptPerClassMax) kept.push(anomaly);
  }

  /** The classes found, in no order. */
  get classes(): readonly AnomalyClass[] {
    return [...this.#kept.keys()];
  }

  count(name: AnomalyClass): number {
    return this.#counts.get(name) ?? 0;
  }

  /** The first finds of a class. */
  of(name: AnomalyClass): readonly Anomaly[] {
    return this.#kept.get(name) ?? [];
  }

  /** Everything found, for people. Empty when nothing was. */
  toString(): string {
    const lines: string[] = [];
    for (const [name, kept] of this.#kept) {
      lines.push(`${name} (${this.count(name)}): ${anomalyClasses[name]}`);
      for (const { text, operations } of kept.slice(0, 5)) lines.push(`    ${text} [operations ${operations.join()}]`);
    }
    return lines.join('\n');
  }
}
