// Taking something out of the data folder without losing it: a file gets the ending `.damaged`, a stretch of a file is
// copied to a file of its own before it is cut off. Neither Throughline nor Apache Kafka reads such a file or removes it,
// but with its topic:
//
//   00000000000000001284.log.damaged              a whole segment
//   00000000000000001284.log.at-40960.damaged     what stood in it from byte 40960 on
//   recovery-point-offset-checkpoint.damaged      and the like
//
// A name that is taken gets a number: `.damaged-2`.
import type { Disk, DiskFile } from './disk.ts';

const suffix = '.damaged';
const copyBytes = 1024 * 1024;

/** Sets a file of `folder` aside. @returns its new name */
export async function setFileAside(disk: Disk, folder: string, name: string): Promise<string> {
  const aside = await freeName(disk, folder, `${name}${suffix}`);
  await disk.rename(`${folder}/${name}`, `${folder}/${aside}`);
  await disk.syncDirectory(folder);
  return aside;
}

/**
 * Copies what stands in `file`, which is `folder/name`, from byte `from` up to `to`, so that it can be cut off. Zeros are what
 * a file system leaves where nothing was written, and are not kept.
 *
 * @returns the name of the copy, which survives a power cut; undefined when there was nothing to keep
 */
export async function setBytesAside(
  disk: Disk,
  { folder, name, file }: { readonly folder: string; readonly name: string; readonly file: DiskFile },
  from: number,
  to: number,
): Promise<string | undefined> {
  let aside: { readonly name: string; readonly copy: DiskFile } | undefined;
  try {
    for (let at = from; at < to; at += copyBytes) {
      const bytes = new Uint8Array(Math.min(copyBytes, to - at));
      const count = await file.read(bytes, at);
      const found = bytes.subarray(0, count);
      if (aside === undefined) {
        if (found.every((byte) => byte === 0)) continue;
        const asideName = await freeName(disk, folder, `${name}.at-${from}${suffix}`);
        aside = { name: asideName, copy: await disk.open(`${folder}/${asideName}`, 'write') };
      }
      await aside.copy.write([found], at - from);
    }
    if (aside === undefined) return undefined;
    await aside.copy.syncData();
  } catch (error) {
    // Half a copy is of no use: what it was to hold is still in its place.
    if (aside !== undefined) await disk.remove(`${folder}/${aside.name}`);
    throw error;
  } finally {
    await aside?.copy.close();
  }
  await disk.syncDirectory(folder);
  return aside.name;
}

async function freeName(disk: Disk, folder: string, wanted: string): Promise<string> {
  const taken = new Set(await disk.list(folder));
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`;
  return name;
}
