// Running answers whose function process is killed (SIGKILL) at a random moment, with two readers attached to each: no
// shown token is lost or repeated, every reply ends, and the table has exactly one row per run.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { integerBetween, seededRandom } from '@throughline/event';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { EventReader, readChat } from '../support/readers.ts';
import type { TestServer } from '../support/server.ts';
import { expectOneRowPerRun } from '../support/turns.ts';

const atOnce = 8;

/**
 * Plays the rounds and checks what is left of them.
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
  let kills = 0;
  const plans = Array.from({ length: rounds }, (_, round) => {
    const tokens = integerBetween(random, 10, 60);
    return {
      name: `kill-${round}`,
      question: `name=k${round} tokens=${tokens} paceMs=${integerBetween(random, 1, paceMsMax)}`,
      killAtToken: integerBetween(random, 0, tokens - 1),
      killDelayMs: integerBetween(random, 0, 10),
    };
  });
  const waiting = [...plans];
  const workers = Array.from({ length: atOnce }, async () => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      // Not `kills += await …`: that reads before it waits, and the workers run side by side.
      const hit = await playRound(server, plan, seed);
      kills += hit;
    }
  });
  await Promise.all(workers);
  assert.ok(kills > rounds / 3, `only ${kills} of ${rounds} kills hit a running answer`);
  await expectOneRowPerRun(server.url, rounds);
}

interface Plan {
  readonly name: string;
  readonly question: string;
  /** How many tokens the event reader has shown when the kill is decided; 0 = as soon as the attempt is on the log. */
  readonly killAtToken: number;
  readonly killDelayMs: number;
}

/** One answer and one kill; returns 1 when the kill hit the process of a running attempt. */
async function playRound(
  server: TestServer,
  { name, question, killAtToken, killDelayMs }: Plan,
  seed: number,
): Promise<number> {
  const expected = answerText(question);
  const chat = readChat(server.url, name, postQuestion(server.url, name, `${name}-q`, question));
  const events = new EventReader(server.url, name);
  await events.until(
    () => events.run?.phase === 'running' && events.textOf(events.run).split(' ').length > killAtToken,
  );
  await pause(killDelayMs);
  const hit = killAttempt(events);
  assert.equal(await chat, expected, `${name}: the chat reader (SEED=${seed})`);
  await events.done;
  const { run } = events;
  assert.ok(run !== undefined && run.outcome === 'done', `${name}: ${JSON.stringify(run?.ended)} (SEED=${seed})`);
  assert.equal(events.textOf(run), expected, `${name}: the event reader (SEED=${seed})`);
  return hit;
}

function killAttempt(events: EventReader): number {
  const { run } = events;
  const pid = run?.phase === 'running' ? run.attempts.at(-1)?.environment.pid : undefined;
  if (pid === undefined) return 0;
  try {
    process.kill(pid, 'SIGKILL');
    return 1;
  } catch {
    // It has gone already, by an earlier round's kill or at the end of its run.
    return 0;
  }
}
