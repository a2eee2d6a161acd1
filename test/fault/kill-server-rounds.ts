// Rounds of `kill -9` of a whole server at a random moment of running answers, each answer with two readers attached that
// connect again: no shown token is lost or repeated, every reply ends, and the table has exactly one row per run. Whatever
// holds the log, the embedded one or a cluster, is the server's affair.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { integerBetween, seededRandom, type Random } from '@throughline/event';
import { answerText } from '../support/app/answer-text.ts';
import { postQuestion } from '../support/chat.ts';
import { EventReader, readChat } from '../support/readers.ts';
import type { TestServer } from '../support/server.ts';
import { expectOneRowPerRun } from '../support/turns.ts';

const answersPerRound = 3;

/** Plays the rounds and checks what is left of them. */
export async function killServerRounds(server: TestServer, rounds: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  let cut = 0;
  for (let round = 0; round < rounds; round++) cut += await playRound(server, round, random, seed);
  assert.ok(cut > rounds / 3, `only ${cut} answers of ${rounds} rounds were cut in their middle`);
  await expectOneRowPerRun(server.url, { done: rounds * answersPerRound, failed: 0 });
}

/** Starts answers, kills the server among them, starts it again; returns how many answers were cut. */
async function playRound(server: TestServer, round: number, random: Random, seed: number): Promise<number> {
  const answers = Array.from({ length: answersPerRound }, (_, index) => {
    const name = `s${round}-${index}`;
    const question = `name=${name} tokens=${integerBetween(random, 20, 60)} paceMs=${integerBetween(random, 2, 8)}`;
    const ask = (): Promise<Response> => postQuestion(server.url, name, `${name}-q`, question);
    return {
      name,
      question,
      ask,
      events: new EventReader(server, name),
      chat: readChat(server, name, askUntilTaken(server, ask)),
    };
  });
  await pause(integerBetween(random, 0, 400));
  await server.kill9();
  const cut = answers.filter(({ events }) => events.run !== undefined && events.run.phase !== 'ended').length;
  await server.start();
  for (const { name, question, chat, events } of answers) {
    const expected = answerText(question);
    await events.done;
    const { run } = events;
    assert.ok(run !== undefined && run.outcome === 'done', `${name}: ${JSON.stringify(run?.ended)} (SEED=${seed})`);
    assert.equal(events.textOf(run), expected, `${name}: the event reader (SEED=${seed})`);
    const shown = await chat;
    // `useChat` finds nothing to resume (204) when the answer ended while it was away; then it shows what it had.
    assert.ok(expected.startsWith(shown), `${name}: the chat reader (SEED=${seed})`);
  }
  return cut;
}

/** A client that got no answer asks again with the same message id, which must not make a second run. */
async function askUntilTaken({ disposed }: TestServer, ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await ask().catch(() => undefined);
    if (response !== undefined) return response;
    disposed.throwIfAborted();
    await pause(25);
  }
}
