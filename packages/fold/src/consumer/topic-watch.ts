// Looking at a topic beside its tail: now and then, and after a failure.
import { ThroughlineError, type Clock, type Timer } from '@throughline/event';
import type { Log, TopicDescription } from '@throughline/log';
import { hasMarked, offsetOfMark } from './record-mark.ts';

export interface TopicWatchOptions {
  readonly log: Log;
  readonly topic: string;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly onLook: (description: TopicDescription) => void;
  readonly onRemoved: (error: ThroughlineError) => void;
}

/**
 * Looks at the topic every `everyMs`: a tail hears nothing of added partitions, and not always of a deletion.
 *
 * @returns what ends it
 */
export function watchTopic({ log, topic, everyMs, clock, onLook, onRemoved }: TopicWatchOptions): () => void {
  let isOver = false;
  let timer: Timer;
  const look = async (): Promise<void> => {
    try {
      const description = await log.admin.describeTopic(topic);
      if (!isOver) onLook(description);
    } catch (error) {
      // What else keeps the log from answering, the tail meets as well.
      if (!isOver && ThroughlineError.is(error, 'UNKNOWN_TOPIC')) onRemoved(error);
    }
    if (!isOver) again();
  };
  const again = (): void => {
    timer = clock.after(everyMs, () => void look());
  };
  again();
  return () => {
    isOver = true;
    timer.cancel();
  };
}

/** The first partition in which the log has another record than the marked one; undefined when there is none. */
export async function changedPartition(
  log: Log,
  { topic, partitions }: TopicDescription,
  marks: readonly (string | null)[],
): Promise<number | undefined> {
  for (const { partition, logStartOffset, highWatermark } of partitions) {
    const mark = marks[partition] ?? null;
    if (mark === null) continue;
    const offset = offsetOfMark(mark);
    // A new leader may not know for a moment that the newest records are on all replicas; the tail finds out.
    if (offset < logStartOffset || offset >= highWatermark) continue;
    if (!(await hasMarked(log, topic, partition, mark))) return partition;
  }
  return undefined;
}
