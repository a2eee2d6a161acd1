// A spare process was replaced from a timer whose mkdir threw on a full disk, and that ended the server (issue 7, D). What an
// environment needs from the machine is waited for, with back-off, and status says what is missing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { answerFunction, ask, openHouse, words } from './functions-harness.ts';

test(
  'a folder that cannot be made costs time: the process is started when it can be',
  { timeout: 60_000 },
  async (t) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'throughline-test-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const storePath = path.join(dir, 'functions.sqlite');
    const { log, reader, supervisor, logged } = await openHouse(t, { storePath, functions: [answerFunction()] });
    const first = await ask(log, 'words 2');
    await reader.ended(first.runId);
    // A file where the folder of all environments was: nothing can be made in it, whoever asks.
    rmSync(`${storePath}-scratch`, { recursive: true, force: true });
    writeFileSync(`${storePath}-scratch`, '');
    while (supervisor.status()[0]?.environments.length !== 0) {
      supervisor.killEnvironment();
      await nextTurn();
    }
    const { runId } = await ask(log, 'words 3');
    while (supervisor.status()[0]?.startError === undefined) await nextTurn();
    assert.equal(supervisor.status()[0]?.startError?.code, 'ENVIRONMENT_NOT_STARTED');
    assert.match(supervisor.status()[0]?.startError?.message ?? '', /ENOTDIR/);
    while (supervisor.status()[0]?.queued !== 1) await nextTurn();
    assert.equal(reader.run(runId)?.attempt, 0);
    rmSync(`${storePath}-scratch`);
    const run = await reader.ended(runId);
    assert.equal(run.outcome, 'done');
    assert.equal(run.attempts.length, 1);
    assert.equal(reader.text(runId), words(3));
    assert.equal(supervisor.status()[0]?.startError, undefined);
    assert.ok(logged.some(({ level, fields }) => level === 'error' && fields['code'] === 'ENVIRONMENT_NOT_STARTED'));
  },
);
