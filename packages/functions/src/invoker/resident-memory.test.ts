import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { residentBytes, residentBytesIn } from './resident-memory.ts';

test('resident memory is read in kB, whatever the size of a page', () => {
  const status = 'Name:\tnode\nVmPeak:\t  999999 kB\nVmRSS:\t   81920 kB\nRssAnon:\t   40960 kB\nThreads:\t11\n';
  assert.equal(residentBytesIn(status), 80 * 1024 * 1024);
  // A kernel thread and a process that has just ended have none.
  assert.equal(residentBytesIn('Name:\tkthreadd\nThreads:\t1\n'), undefined);
});

test(
  'the resident memory of a process is what the process itself says',
  { skip: !existsSync('/proc/self/status') },
  async () => {
    const bytes = residentBytes(process.pid)!;
    const ownBytes = process.memoryUsage.rss();
    assert.ok(bytes > ownBytes / 2 && bytes < ownBytes * 2, `${bytes} beside ${ownBytes}`);
    const child = spawn(process.execPath, ['--eval', '']);
    await once(child, 'exit');
    assert.equal(residentBytes(child.pid!), undefined);
  },
);
