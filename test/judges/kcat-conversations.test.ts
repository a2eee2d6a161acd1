// kcat, an old client of librdkafka, follows topic `conversations` of the all-in-one server while an answer streams, and a
// record that it writes there itself harms nobody.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { postQuestion, uiChunks } from '../support/chat.ts';
import { startServer } from '../support/server.ts';
import { withoutProgram } from './toolchain.ts';

test(
  'kcat reads the pieces of an answer while it streams, and what it writes is skipped',
  {
    skip: withoutProgram('kcat', 'kcat'),
  },
  async () => {
    const server = await startServer();
    try {
      const { kafka } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as { kafka: string };
      const kcat = spawn(
        'kcat',
        ['-b', kafka, '-C', '-u', '-q', '-t', 'conversations', '-o', 'beginning', '-f', '%h\n'],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const types: string[] = [];
      const firstChunk = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      createInterface({ input: kcat.stdout }).on('line', (headers) => {
        const type = /tl-type=([\w-]+)/.exec(headers)?.[1] ?? 'none';
        types.push(type);
        if (type === 'chunk') firstChunk.resolve();
        if (type === 'run-ended') ended.resolve();
      });

      const response = await postQuestion(server.url, 'watched', 'm1', 'tokens=100 paceMs=20');
      await firstChunk.promise;
      assert.ok(!types.includes('run-ended'), 'the answer is still being written when kcat sees its first pieces');
      const written = spawnSync('kcat', ['-b', kafka, '-P', '-t', 'conversations', '-k', 'conversations/watched'], {
        input: 'no event\n',
      });
      assert.equal(written.status, 0);
      let finished = false;
      for await (const chunk of uiChunks(response)) finished ||= chunk.type === 'finish';
      assert.ok(finished, 'the reader in the browser has the whole answer');
      await ended.promise;
      const gone = once(kcat, 'exit');
      kcat.kill();
      await gone;
      assert.ok(types.filter((type) => type === 'chunk').length > 3, types.join(' '));
      assert.ok(types.includes('none'), 'its own record is there as well');
    } finally {
      await server.dispose();
    }
  },
);
