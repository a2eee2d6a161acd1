// Running answers whose function process is killed (SIGKILL) at a random moment, with two readers attached to each: no
// shown token is lost or repeated, every reply ends, and the table has exactly one row per run.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { integerBetween, seededRandom, type Run } from '@throughline/event';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { EventReader, readChat } from '../support/readers.ts';
import type { TestServer } from '../support/server.ts';
import { expectOneRowPerRun } from '../support/turns.ts';

const atOnce = 8;
/** As many attempts as a function's run has by default (functions' attemptsMax). */
const attemptsMax = 5;

/**
 * Plays the rounds and checks what is left of them.
 *
 * A kill goes to the pid that the round's reader has seen last. By then that process may serve another round's run, so one
 * run can lose more processes than its own round kills; on a slow machine all five, and then it ends `failed`, as it
 * should. Such a run is right only when every one of its attempts was in a process that a round has killed.
 *
 * @param paceMsMax the longest time between two tokens, in milliseconds: the slower the log, the longer, or answers have
 *   ended by the time that their readers see where to kill them
 */
export async function killFunctionRounds(
  server: TestServer,
  rounds: number,
  seed: number,
  paceMsMax = 8,
): Promise<void> {
  const random = seededRandom(seed);
  const plans = Array.from({ length: rounds }, (_, round) => {
    const tokens = integerBetween(random, 10, 60);
    return {
      name: `kill-${round}`,
      question: `name=k${round} tokens=${tokens} paceMs=${integerBetween(random, 1, paceMsMax)}`,
      killAtToken: integerBetween(random, 0, tokens - 1),
      killDelayMs: integerBetween(random, 0, 10),
    };
  });
  const killed = new KilledEnvironments();
  let doneCount = 0;
  const waiting = [...plans];
  const workers = Array.from({ length: atOnce }, async () => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      // Not `doneCount += await …`: that reads before it waits, and the workers run side by side.
      const isDone = await playRound(server, plan, killed, seed);
      if (isDone) doneCount++;
    }
  });
  await Promise.all(workers);
  assert.ok(
    killed.runningHitCount > rounds / 3,
    `only ${killed.runningHitCount} of ${rounds} kills hit a running answer`,
  );
  await expectOneRowPerRun(server.url, { done: doneCount, failed: rounds - doneCount });
}

interface Plan {
  readonly name: string;
  readonly question: string;
  /** How many tokens the event reader has shown when the kill is decided; 0 = as soon as the attempt is on the log. */
  readonly killAtToken: number;
  readonly killDelayMs: number;
}

/** One answer and one kill; tells whether the run ended `done`, the only other right end being five killed processes. */
async function playRound(
  server: TestServer,
  { name, question, killAtToken, killDelayMs }: Plan,
  killed: KilledEnvironments,
  seed: number,
): Promise<boolean> {
  const expected = answerText(question);
  const events = new EventReader(server, name);
  const kill = async (): Promise<void> => {
    await events.until(
      () => events.run?.phase === 'running' && events.textOf(events.run).split(' ').length > killAtToken,
    );
    await pause(killDelayMs);
    killed.kill(events.run);
    await events.done;
  };
  const first = postQuestion(server.url, name, `${name}-q`, question);
  const [shown] = await Promise.all([readChat(server, name, first), kill()]);
  const { run } = events;
  assert.ok(run !== undefined, `${name}: the event reader has seen no run (SEED=${seed})`);
  if (killed.explains(run)) {
    assert.ok(
      expected.startsWith(shown) && expected.startsWith(events.textOf(run)),
      `${name}: what was shown (SEED=${seed})`,
    );
    return false;
  }
  assert.equal(run.outcome, 'done', `${name}: ${JSON.stringify(run.ended)} (SEED=${seed})`);
  assert.equal(shown, expected, `${name}: the chat reader (SEED=${seed})`);
  assert.equal(events.textOf(run), expected, `${name}: the event reader (SEED=${seed})`);
  return true;
}

/** The environments whose process a round has killed, by their ids: a pid is used again, an id is not. */
class KilledEnvironments {
  readonly #ids = new Set<string>();
  /** How many kills went to the process of an attempt that its reader saw running. */
  runningHitCount = 0;

  /** Kills the process of the attempt under way. */
  kill(run: Run | undefined): void {
    const environment = run?.phase === 'running' ? run.attempts.at(-1)?.environment : undefined;
    if (environment === undefined) return;
    try {
      process.kill(environment.pid, 'SIGKILL');
      this.#ids.add(environment.id);
      this.runningHitCount++;
    } catch (error) {
      // It has gone already, by an earlier round's kill or at the end of its run.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** True for a run that has failed because every process that it was tried in was killed. */
  explains(run: Run): boolean {
    return (
      run.outcome === 'failed' &&
      run.ended?.error?.code === 'FUNCTION_EXITED' &&
      run.attempts.length === attemptsMax &&
      run.attempts.every(({ environment }) => this.#ids.has(environment.id))
    );
  }
}
