// Judges what became of the records of a topic whose function was called by a mapping, and killed, and its server with it. It knows
// nothing of the mapping, only what it promises (docs/decisions/0110-event-source-mappings.md):
//
//   lost              a record that no invocation has done, and that is no dead letter
//   out of order      a record that was begun before the one before it, of its key, was done, given up, or ahead in the same batch
//   too many attempts more failed invocations of a record in one life of the mapping than it may have
//   given up early    a dead letter of a record that had attempts left
//   doubled           more dead letters of a record than lives in which its attempts were used up
//
// Kills make a mapping begin again, with all attempts: a life ends with its server.

/** A record, and what it is expected to be in order with. */
export interface Produced {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

/** What a handler has noted, in the order in which it was written. */
export type Note =
  | {
      readonly at: 'begin';
      readonly id: string;
      readonly life: number;
      readonly pid: number;
      readonly records: readonly Place[];
    }
  /** Index of the first record that it has named as failed; -1 for none. */
  | { readonly at: 'end'; readonly id: string; readonly failedIndex: number };

export interface MappingHistory {
  readonly produced: readonly Produced[];
  readonly notes: readonly Note[];
  /** The records of the topic of dead letters. */
  readonly letters: readonly Place[];
  readonly attemptsMax: number;
  /** Processes of the function that were killed: what they had begun has failed, whatever came next. */
  readonly killed: ReadonlySet<number>;
}

interface Fate {
  readonly before: Fate | undefined;
  isDone: boolean;
  letterCount: number;
  /** By life: failed invocations that count. */
  readonly failures: Map<number, number>;
}

/** Everything that breaks a promise, as sentences. */
export function mappingProblems({ produced, notes, letters, attemptsMax, killed }: MappingHistory): string[] {
  const problems: string[] = [];
  const fates = new Map<string, Fate>();
  const lastOfKey = new Map<string, Fate>();
  for (const { partition, offset, key } of produced) {
    const keyed = `${partition} ${key}`;
    const fate: Fate = { before: lastOfKey.get(keyed), isDone: false, letterCount: 0, failures: new Map() };
    lastOfKey.set(keyed, fate);
    fates.set(nameOf({ partition, offset }), fate);
  }
  const fateOf = (place: Place): Fate => {
    const fate = fates.get(nameOf(place));
    if (fate === undefined) throw new Error(`${nameOf(place)} was never produced`);
    return fate;
  };
  for (const letter of letters) fateOf(letter).letterCount++;

  const open = new Map<string, Extract<Note, { at: 'begin' }>>();
  const charge = (place: Place, life: number): void => {
    const { failures } = fateOf(place);
    const count = (failures.get(life) ?? 0) + 1;
    failures.set(life, count);
    if (count === attemptsMax + 1)
      problems.push(`too many attempts: ${nameOf(place)} has failed ${count} times in one life`);
  };
  const unnoted = unnotedKills(notes, killed);
  const usedUpIn = (fate: Fate): number =>
    [...fate.failures].filter(([life, count]) => count + (unnoted.get(life) ?? 0) >= attemptsMax).length;
  const isUsedUp = (fate: Fate): boolean => usedUpIn(fate) > 0;
  /**
   * A lane has one batch under way: another of its records says that the one before has failed, whoever was killed. So does the
   * record behind one of its records, of the same key, where its process is known to be dead: the last attempt of a record that
   * was given up has no end. The server may have been killed after that attempt, so that the record behind begins in another life.
   */
  const close = (places: readonly Place[], life: number): void => {
    const names = new Set(places.map(nameOf));
    const before = new Set(places.map((place) => fateOf(place).before));
    for (const [id, begun] of open) {
      const isDead = killed.has(begun.pid);
      if (begun.life !== life && !isDead) continue;
      const isAgain = begun.records.some((place) => names.has(nameOf(place)));
      const isPassed = isDead && begun.records.some((place) => before.has(fateOf(place)));
      if (!isAgain && !isPassed) continue;
      open.delete(id);
      for (const place of begun.records) charge(place, begun.life);
    }
  };

  for (const note of notes) {
    if (note.at === 'begin') {
      close(note.records, note.life);
      open.set(note.id, note);
      const ahead = new Set<Fate>();
      for (const place of note.records) {
        const fate = fateOf(place);
        const { before } = fate;
        const isInOrder =
          before === undefined || before.isDone || ahead.has(before) || (before.letterCount > 0 && isUsedUp(before));
        if (!isInOrder) problems.push(`out of order: ${nameOf(place)} was begun before the one before it was done`);
        ahead.add(fate);
      }
      continue;
    }
    const begun = open.get(note.id);
    if (begun === undefined) continue;
    open.delete(note.id);
    const { records, life } = begun;
    const doneCount = note.failedIndex === -1 ? records.length : note.failedIndex;
    for (const place of records.slice(0, doneCount)) fateOf(place).isDone = true;
    if (doneCount < records.length) charge(records[doneCount]!, life);
  }
  for (const { records, life } of open.values()) for (const place of records) charge(place, life);

  for (const [name, fate] of fates) {
    const { isDone, letterCount } = fate;
    const usedUpCount = usedUpIn(fate);
    if (!isDone && letterCount === 0) problems.push(`lost: ${name}`);
    if (letterCount > 0 && usedUpCount === 0) problems.push(`given up early: ${name}`);
    else if (letterCount > usedUpCount) problems.push(`doubled: ${name} has ${letterCount} dead letters`);
  }
  return problems;
}

/**
 * By life: processes that were killed between two batches. One may have been handed the next batch, and have had no time to note
 * it: an attempt of its records that nobody sees.
 */
function unnotedKills(notes: readonly Note[], killed: ReadonlySet<number>): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  const ended = new Set(notes.flatMap((note) => (note.at === 'end' ? [note.id] : [])));
  for (const pid of killed) {
    const last = notes.findLast((note) => note.at === 'begin' && note.pid === pid);
    if (last?.at === 'begin' && ended.has(last.id)) counts.set(last.life, (counts.get(last.life) ?? 0) + 1);
  }
  return counts;
}

function nameOf({ partition, offset }: Place): string {
  return `${partition}@${offset}`;
}
