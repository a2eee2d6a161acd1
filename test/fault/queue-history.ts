// Judges what became of the messages of a queue whose function was killed, and its server with it. It knows nothing of the queue, only
// what it promises (docs/decisions/0117-queues.md):
//
//   lost             a message that no call has done, and that is no dead letter
//   doubled          a message that was handed out again, or became a dead letter, after a call had done it whose process and server
//                    both lived on
//   counted too low  a receive whose count is not above the one before it
//   too often        a receive whose count is above the most
//   given up early   a dead letter whose last count is below the most, and whose server lived on
//   letters          a message with two dead letters, though no server died
//
// Bodies are different from each other.

/** What a handler has noted, in the order in which it was written. */
export type QueueNote =
  | {
      readonly at: 'begin';
      readonly id: string;
      readonly life: number;
      readonly pid: number;
      readonly messages: readonly { readonly body: string; readonly count: number }[];
    }
  | { readonly at: 'end'; readonly id: string; readonly failed: readonly string[] };

export interface QueueHistory {
  readonly sent: readonly string[];
  readonly notes: readonly QueueNote[];
  /** The bodies of the dead letter queue, each with the receives that its headers say. */
  readonly letters: readonly { readonly body: string; readonly receives: number }[];
  readonly maxReceiveCount: number;
  /** Processes of the function that were killed: whether their last answer was heard, nobody knows. */
  readonly killed: ReadonlySet<number>;
}

interface Fate {
  isDone: boolean;
  /** It was done by a process that lived on, in this life of the server. */
  doneIn: number | undefined;
  count: number;
  letters: number;
}

/** Everything that breaks a promise, as sentences. */
export function queueProblems({ sent, notes, letters, maxReceiveCount, killed }: QueueHistory): string[] {
  const problems: string[] = [];
  const fates = new Map(
    sent.map((body): [string, Fate] => [body, { isDone: false, doneIn: undefined, count: 0, letters: 0 }]),
  );
  const open = new Map<string, Extract<QueueNote, { at: 'begin' }>>();
  const lives = new Set<number>();
  for (const note of notes) {
    if (note.at === 'begin') {
      open.set(note.id, note);
      lives.add(note.life);
      for (const { body, count } of note.messages) {
        const fate = fates.get(body);
        if (fate === undefined) {
          problems.push(`${body} was never sent`);
          continue;
        }
        if (fate.doneIn === note.life) problems.push(`doubled: ${body} was handed out again after it was done`);
        if (count <= fate.count) problems.push(`counted too low: ${body} has ${count} after ${fate.count}`);
        if (count > maxReceiveCount) problems.push(`too often: ${body} was received ${count} times`);
        fate.count = count;
      }
      continue;
    }
    const begun = open.get(note.id);
    if (begun === undefined) continue;
    for (const { body } of begun.messages) {
      const fate = fates.get(body);
      if (fate === undefined || note.failed.includes(body)) continue;
      fate.isDone = true;
      if (!killed.has(begun.pid)) fate.doneIn = begun.life;
    }
  }
  const lastLife = [...lives].at(-1);
  for (const { body, receives } of letters) {
    const fate = fates.get(body);
    if (fate === undefined) {
      problems.push(`the dead letter ${body} was never sent`);
      continue;
    }
    fate.letters++;
    // Only in the last life is it known that the server lived on.
    if (fate.doneIn === lastLife) problems.push(`doubled: ${body} is a dead letter after it was done`);
    if (receives < maxReceiveCount) problems.push(`given up early: ${body} after ${receives} receives`);
    if (fate.letters > lives.size) problems.push(`letters: ${body} has ${fate.letters} in ${lives.size} lives`);
  }
  for (const [body, { isDone, letters: count }] of fates) {
    if (!isDone && count === 0) problems.push(`lost: ${body}`);
  }
  return problems;
}
