// A supervisor with one function that is frozen when idle: it calls it once and says the process id of its environment, then
// stays until it is killed.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createFunctionHost } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';

const host = createFunctionHost({
  log: new MemoryLog(),
  scratchDir: mkdtempSync(path.join(tmpdir(), 'throughline-frozen-')),
  functions: [
    { name: 'worker', entry: path.join(import.meta.dirname, 'worker.ts'), isFrozenWhenIdle: true, spareCount: 0 },
  ],
});
const { invoker } = host.functions.get('worker')!;
await invoker.invoke({ requestId: 'r1', event: '{}' }, { write: () => {} }, new AbortController().signal);
process.stdout.write(`${invoker.status().environments[0]!.pid}\n`);
// A supervisor has a server that keeps it.
setInterval(() => {}, 60_000);
