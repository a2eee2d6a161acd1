// Judges what became of events whose function was called asynchronously, and killed, and its server with it. It knows nothing of the
// queue, only what it promises (docs/decisions/0111-asynchronous-invocations.md):
//
//   lost            an accepted event that no invocation has done, and that is no dead letter
//   no dead letter  an event that only failed
//   given up early  a dead letter of an event that had attempts left
//   retried beyond  more invocations of an event than it may have
//   doubled         more dead letters of an event, or more invocations that have done it, than lives it was worked on in
//   not accepted    an invocation of an event that nobody has sent
//
// What an event promises in one life of the server it promises once more in each further life in which it was worked on: the
// outcome of the last invocation may have died with the server.

export interface Sent {
  readonly id: string;
  /** Whether the server has said that it is kept; otherwise it may be, or not. */
  readonly isAccepted: boolean;
}

/** What a handler has noted, in the order in which it was written. */
export type Note =
  | { readonly at: 'begin'; readonly id: string; readonly life: number; readonly pid: number }
  | { readonly at: 'end'; readonly id: string; readonly pid: number; readonly isDone: boolean };

export interface AsyncHistory {
  readonly sent: readonly Sent[];
  readonly notes: readonly Note[];
  /** The ids of the events of the dead letters. */
  readonly letters: readonly string[];
  /** Processes of the function that were killed: the last that one has noted may have come to nothing. */
  readonly killed: readonly number[];
  /** Invocations of an event that may fail. */
  readonly attemptsMax: number;
}

/** Every promise that was not kept, as a sentence. */
export function asyncProblems({ sent, notes, letters, killed, attemptsMax }: AsyncHistory): readonly string[] {
  const known = new Set(sent.map(({ id }) => id));
  const problems = [...new Set(notes.map(({ id }) => id))].flatMap((id) =>
    known.has(id) ? [] : [`not accepted: ${id}`],
  );
  const letterCounts = countsOf(letters);
  const unsure = new Set(killed.map((pid) => notes.findLast((note) => note.pid === pid)));
  const byId = Map.groupBy(notes, ({ id }) => id);
  // A process that was killed between two events may have been handed the next one, and have had no time to note it.
  const unnotedMax = [...unsure].filter((note) => note?.at !== 'begin').length;
  const early: string[] = [];
  let unnotedCount = 0;
  for (const { id, isAccepted } of sent) {
    const mine = byId.get(id) ?? [];
    const begins = mine.filter((note) => note.at === 'begin');
    const done = mine.filter((note) => note.at === 'end' && note.isDone);
    const doneCount = done.length;
    const settledCount = done.filter((note) => !unsure.has(note)).length;
    const lives = Math.max(1, new Set(begins.map(({ life }) => life)).size);
    const letterCount = letterCounts.get(id) ?? 0;
    const said = `${id}: ${begins.length} invocations in ${lives} lives, ${doneCount} done, ${letterCount} dead letters`;
    if (isAccepted && doneCount === 0 && letterCount === 0) {
      problems.push(begins.length === 0 ? `lost: ${said}` : `no dead letter: ${said}`);
    }
    if (letterCount > 0 && begins.length < attemptsMax) {
      early.push(`given up early: ${said}`);
      unnotedCount += attemptsMax - begins.length;
    }
    if (begins.length > attemptsMax + lives - 1) problems.push(`retried beyond: ${said}`);
    if (letterCount > lives || settledCount > lives) problems.push(`doubled: ${said}`);
  }
  return unnotedCount > unnotedMax ? [...problems, ...early] : problems;
}

function countsOf(ids: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
