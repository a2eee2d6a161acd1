// What is done about damage in the files of the commit journal at a start, before they are used again (recovery-cases.ts): what
// is not read is set aside, and what is read can be found as it was by the next start, should this one be cut off.
import type { Logger } from '@throughline/event';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { fileHead, type JournalDamage, type JournalFileName } from '../disk/journal-format.ts';
import { setBytesAside } from '../disk/set-aside.ts';
import { noteCase } from './recovery-cases.ts';

/** Zeros are written this many bytes at a time. */
const clearBytes = 1024 * 1024;

/** Sets the rest of a file aside, and clears it in its place. */
export async function setJournalRestAside(
  disk: Disk,
  folder: string,
  { file: { name, path }, from, to }: JournalDamage,
  logger: Logger,
): Promise<void> {
  await withFile(disk, path, async (file) => {
    const aside = await setBytesAside(disk, { folder, name, file }, from, to);
    noteCase(logger, 'journal-damaged', { file: path, position: from, cutBytes: to - from, aside });
    for (let at = from; at < to; at += clearBytes) {
      await file.write([new Uint8Array(Math.min(clearBytes, to - at))], at);
    }
    await file.syncData();
  });
}

/** Writes the heads anew that are lost. */
export async function mendJournalHeads(disk: Disk, files: readonly JournalFileName[], logger: Logger): Promise<void> {
  for (const { path, sequence, isHeadLost } of files) {
    if (!isHeadLost) continue;
    noteCase(logger, 'journal-head-lost', { file: path });
    await withFile(disk, path, async (file) => {
      await file.write([fileHead(sequence)], 0);
      await file.syncData();
    });
  }
}

async function withFile(disk: Disk, path: string, action: (file: DiskFile) => Promise<void>): Promise<void> {
  const file = await disk.open(path, 'write');
  try {
    await action(file);
  } finally {
    await file.close();
  }
}
