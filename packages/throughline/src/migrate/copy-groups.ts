// What consumer groups have committed, for the topics that were copied. A group that has committed at the target already
// goes on from there: it may have been moved over, and must not be set back.
import { ThroughlineError } from '@throughline/event';
import type { GroupOffset, KafkaCluster } from '@throughline/log';

export interface CopiedGroup {
  readonly group: string;
  /** Partitions whose offset was committed at the target. */
  readonly committed: number;
  /** Partitions for which the target had one already. */
  readonly kept: number;
  /** Why the group could not be copied. */
  readonly rejected?: string;
}

/** @param ends where each copied partition ends, by `topic-partition` */
export async function copyGroups(
  source: KafkaCluster,
  target: KafkaCluster,
  ends: ReadonlyMap<string, bigint>,
): Promise<CopiedGroup[]> {
  const groups: CopiedGroup[] = [];
  for (const group of await source.groupIds()) {
    const offsets = (await source.committedOffsets(group)).flatMap((found): GroupOffset[] => {
      const end = ends.get(keyOf(found));
      // Beyond the copy is what the source got in the meantime: the next run brings both.
      return end === undefined ? [] : [{ ...found, offset: found.offset < end ? found.offset : end }];
    });
    if (offsets.length > 0) groups.push(await copyGroup(target, group, offsets));
  }
  return groups;
}

async function copyGroup(target: KafkaCluster, group: string, offsets: readonly GroupOffset[]): Promise<CopiedGroup> {
  try {
    const there = new Set((await target.committedOffsets(group)).map(keyOf));
    const missing = offsets.filter((offset) => !there.has(keyOf(offset)));
    if (missing.length > 0) await target.commitOffsets(group, missing);
    return { group, committed: missing.length, kept: offsets.length - missing.length };
  } catch (error) {
    // Members that consume at the target commit for themselves.
    if (!ThroughlineError.is(error, 'LOG_REFUSED')) throw error;
    return { group, committed: 0, kept: 0, rejected: error.message };
  }
}

function keyOf({ topic, partition }: GroupOffset): string {
  return `${topic}-${partition}`;
}
