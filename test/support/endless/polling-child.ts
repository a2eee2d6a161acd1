// A test file that fails and then never ends: what test/runner.test.ts gives to the runner.
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

// Ended by the exit handlers of the file, as a server of a test is.
const kept = spawn('sleep', ['300'], { stdio: 'ignore' });
process.on('exit', () => void kept.kill('SIGKILL'));
process.stdout.write(`kept ${kept.pid}\n`);

test('fails', () => {
  throw new Error('the reason of the failure');
});

test('waits for what never comes', { timeout: 200 }, async () => {
  for (;;) await pause(10);
});
