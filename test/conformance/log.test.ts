// The conformance suite over the logs that there are: the model, and the embedded log on a real folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openEmbeddedLog } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { logModel, smallSegments } from './log-model.ts';
import { logConformance } from './log-suite.ts';
import type { LogUnderTest } from './log-support.ts';

async function openAt(dataDir: string): Promise<LogUnderTest> {
  return {
    log: await openEmbeddedLog({ dataDir }),
    reopen: () => openAt(dataDir),
    dispose: () => rm(dataDir, { recursive: true, force: true }),
  };
}
const embedded = async (): Promise<LogUnderTest> => openAt(await mkdtemp(path.join(tmpdir(), 'log-conformance-')));

const inMemory = async (): Promise<LogUnderTest> => ({ log: new MemoryLog(), dispose: async () => {} });
logConformance('in memory (the model)', inMemory, { reopens: false, batches: 'none' });
for (const durability of ['memory', 'os', 'fsync'] as const) {
  const config = { durability };
  logConformance(`embedded, durability ${durability}`, embedded, { config, reopens: true, batches: 'place' });
  logModel(
    `the embedded log, durability ${durability}`,
    embedded,
    { ...config, ...smallSegments },
    durability === 'fsync' ? 15 : 40,
  );
}
