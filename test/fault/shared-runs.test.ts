// Supervisors of one group over TCP join, leave, are killed and are frozen for longer than their sessions and leases last, at
// random, while runs are requested. Each run ends exactly once, with its whole text and nothing twice. SEED repeats a run.
//
// What may be invoked in vain: whatever ran on a supervisor that left, died or froze is invoked once more elsewhere. Two that
// believe in one partition at once (a frozen one that wakes up) may both invoke a run; the order of the log takes one of them.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createBroker } from '@throughline/broker';
import { integerBetween, seededRandom } from '@throughline/event';
import { kafka } from '@throughline/log';
import { answerFunction, ask, Reader, topic, until, words, type Question } from '../integration/functions-harness.ts';
import { roundsFactor, seed } from '../support/seed.ts';
import { SupervisorProcess } from '../support/supervisor-process.ts';

const partitionCount = 8;
/** Longer than a busy machine keeps a process waiting. */
const sessionTimeoutMs = 1_500;
const leaseMs = 1_500;
const freezeMs = 2_000;
const questionsPerRound = 6;
const wordCount = 30;
const rounds = 8 * roundsFactor;

test(
  `${rounds} rounds of supervisors that come and go (SEED=${seed})`,
  { timeout: 120_000 * roundsFactor },
  async (t) => {
    const random = seededRandom(seed);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-shared-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const settings = { 'group.initial.rebalance.delay.ms': 0, 'group.min.session.timeout.ms': 500 };
    const running = await createBroker({ memory: true, config: settings });
    t.after(() => running.close());
    const log = await kafka({ bootstrap: running.address });
    t.after(() => log.close());
    await log.admin.createTopic(topic, { partitions: partitionCount });
    const reader = new Reader(log);
    t.after(() => reader.close());

    const invocationsFile = path.join(folder, 'invocations');
    const invoked = (): string[] =>
      existsSync(invocationsFile) ? readFileSync(invocationsFile, 'utf8').trimEnd().split('\n') : [];
    const config = { leaseMs, attemptsMax: 50, environmentsMax: 2, invocationsPerEnvironment: 64 };
    const functions = [answerFunction({ ...config, env: { INVOCATIONS_FILE: invocationsFile } })];
    const members: SupervisorProcess[] = [];
    let stores = 0;
    const join = (): void => {
      const storePath = path.join(folder, `${stores++}.sqlite`);
      const member = { heartbeatMs: 100, sessionTimeoutMs };
      members.push(new SupervisorProcess({ address: running.address, topic, storePath, member, functions }));
    };
    t.after(() => Promise.all(members.map((member) => member.stop('SIGKILL'))));
    const isShared = (): boolean =>
      members
        .flatMap(({ partitions }) => partitions)
        .toSorted((a, b) => a - b)
        .join() === Array.from({ length: partitionCount }, (_, partition) => partition).join();

    for (let count = 0; count < 3; count++) join();
    await until(isShared, 'the first three share the partitions');
    const questions: Question[] = [];
    const openCount = (): number => questions.filter(({ runId }) => reader.run(runId)?.phase !== 'ended').length;
    // Runs that were open when something happened to a supervisor: each of them may have to be begun once more.
    let disturbedCount = 0;
    const frozen: Promise<void>[] = [];
    const happened: string[] = [];
    let deck: string[] = [];
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < questionsPerRound; index++) questions.push(await ask(log, `words ${wordCount} 10`));
      await pause(integerBetween(random, 50, 300));
      const index = integerBetween(random, 0, members.length - 1);
      if (deck.length === 0) deck = ['join', 'leave', 'kill', 'freeze'];
      const action = deck.splice(integerBetween(random, 0, deck.length - 1), 1)[0]!;
      happened.push(action);
      if (action !== 'join') disturbedCount += openCount();
      if (action === 'join' || members.length === 1) join();
      if (action === 'join') await until(() => members.at(-1)?.owner !== '', 'it has begun to work');
      else if (action === 'freeze') frozen.push(members[index]!.freeze(freezeMs));
      else await members.splice(index, 1)[0]!.stop(action === 'kill' ? 'SIGKILL' : 'SIGTERM');
    }
    for (const { runId } of questions) {
      const run = await reader.ended(runId, 30_000);
      assert.equal(run.outcome, 'done', `${runId} after ${happened.join(', ')}`);
      assert.equal(reader.text(runId), words(wordCount), `${runId} after ${happened.join(', ')}`);
    }
    assert.deepEqual(reader.contradictions, []);
    const ends = reader.events.flatMap((event) => (event.type === 'run-ended' ? [event.run] : []));
    assert.deepEqual(ends.toSorted(), questions.map(({ runId }) => runId).toSorted());
    const again = invoked().length - questions.length;
    t.diagnostic(`${happened.join(', ')}: ${questions.length} runs, ${again} begun once more`);
    // A frozen supervisor may begin each of its open runs once more when it wakes up, while others do.
    assert.ok(again <= 2 * disturbedCount, `${again} invocations in vain, ${disturbedCount} runs were disturbed`);

    await Promise.all(frozen);
    await until(isShared, 'those who are left share the partitions');
    const before = invoked().length;
    const calm = await Promise.all(Array.from({ length: 40 }, () => ask(log, 'words 3')));
    for (const { runId } of calm) assert.equal((await reader.ended(runId)).outcome, 'done');
    assert.equal(invoked().length - before, calm.length, 'while nobody comes or goes nothing is invoked in vain');
  },
);
