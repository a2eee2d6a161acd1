// A log in which one topic keeps the number of partitions that its streams are found by. On a cluster anybody may add
// partitions to a topic; a stream is found by the hash of its key over their number, so that a half of all streams would move
// away from their records. Through this view readers and writers see the first partitions only, as many as there were when
// the streams began: what was written is found, and what is new goes where every reader looks for it. Partitions that were
// added stay empty, but for what others write there.
//
// The number belongs to an incarnation of the topic: one that is deleted and made again begins with the partitions that it
// has when it is first seen. docs/decisions/0095-protected-topics.md has the reasons.
import { fromUtf8, ThroughlineError, type ProducerRecord } from '@throughline/event';
import { overLog } from './over-log.ts';
import { partitionFor } from './port/partitioner.ts';
import type { Log, LogAdmin, TopicDescription } from './port/port.ts';
import { readOn } from './port/read-on.ts';

/** How many partitions the streams of one incarnation of a topic are found by. */
export interface FixedPartitions {
  readonly topicId: string;
  readonly partitionCount: number;
}

export interface FixedPartitionsOptions {
  readonly log: Log;
  readonly topic: string;
  readonly fixed: FixedPartitions;
  /** Called when the topic turns out to be another incarnation, before anybody is told of it. */
  readonly onRemade: (fixed: FixedPartitions) => void;
  /** Called when somebody has added partitions, once for each number of them. */
  readonly onGrown: (partitionCount: number) => void;
}

/** A log of which one topic has a fixed number of partitions. */
export interface FixedPartitionsLog extends Log {
  readonly fixed: FixedPartitions;
  /** Partitions that the topic really has, as last seen. */
  readonly partitionCount: number;
}

/**
 * The view of `log`; closing it closes the log.
 *
 * @example const log = withFixedPartitions({ log: cluster, topic: 'conversations', fixed, onRemade, onGrown })
 */
export function withFixedPartitions({
  log,
  topic,
  onRemade,
  onGrown,
  ...options
}: FixedPartitionsOptions): FixedPartitionsLog {
  let { fixed } = options;
  let { partitionCount } = fixed;
  const look = (found: TopicDescription): TopicDescription => {
    const { topicId, partitions } = found;
    if (topicId !== fixed.topicId) {
      fixed = { topicId, partitionCount: partitions.length };
      ({ partitionCount } = fixed);
      onRemade(fixed);
    } else if (partitions.length > partitionCount) {
      partitionCount = partitions.length;
      onGrown(partitionCount);
    }
    return { ...found, partitions: partitions.slice(0, fixed.partitionCount) };
  };
  const placed = (record: ProducerRecord): ProducerRecord =>
    record.partition === undefined ? { ...record, partition: partitionFor(record.key, fixed.partitionCount) } : record;
  const admin: Partial<LogAdmin> = {
    describeTopic: async (name) => {
      const found = await log.admin.describeTopic(name);
      return name === topic ? look(found) : found;
    },
    createTopic: async (name, settings) => {
      const made = await log.admin.createTopic(name, settings);
      return name === topic ? look(made) : made;
    },
    alterTopic: async (name, config) => {
      const altered = await log.admin.alterTopic(name, config);
      return name === topic ? look(altered) : altered;
    },
  };
  // Partitions that were added may be assigned to a member of a group, too: a reader finds nothing of a stream there.
  const view = overLog(log, {
    append: (name, records) => log.append(name, name === topic ? records.map(placed) : records),
    tail: (request) => {
      if (request.topic !== topic || request.partitions !== undefined) return log.tail(request);
      return log.tail({ ...request, partitions: Array.from({ length: fixed.partitionCount }, (_, index) => index) });
    },
    admin,
  });
  return {
    ...view,
    get fixed() {
      return fixed;
    },
    get partitionCount() {
      return partitionCount;
    },
  };
}

/** Bytes read of each partition to find out by how many partitions its streams were placed. */
const sampleBytes = 64 * 1024;

/**
 * By how many partitions the streams of a topic were placed, from where the first of them are: the number that the
 * fewest of them contradict, the larger of two that fit as well. Everybody who asks the same log finds the same.
 *
 * @throws ThroughlineError what reading throws
 */
export async function partitionCountOfStreams(
  log: Log,
  { topic, partitions }: TopicDescription,
  isStream: (key: string) => boolean,
): Promise<number> {
  const found = new Map<string, { readonly key: Uint8Array; readonly partition: number }>();
  for (const { partition, logStartOffset, highWatermark } of partitions) {
    if (logStartOffset >= highWatermark) continue;
    const request = { topic, partition, offset: logStartOffset, bytesMax: sampleBytes };
    const { records } = await readOn(log, request, () => {});
    for (const { key } of records) {
      if (key === null) continue;
      const text = fromUtf8(key);
      if (isStream(text)) found.set(`${partition} ${text}`, { key, partition });
    }
  }
  const misplaced = (count: number): number =>
    Array.from(found.values()).filter(({ key, partition }) => partitionFor(key, count) !== partition).length;
  let best = partitions.length;
  for (let count = best - 1; count >= 1; count--) if (misplaced(count) < misplaced(best)) best = count;
  return best;
}

/** Says that partitions were added to a topic, and what that means. */
export function topicGrown(topic: string, { partitionCount }: FixedPartitions, foundCount: number): ThroughlineError {
  return new ThroughlineError(
    'TOPIC_GROWN',
    `${topic} has ${foundCount} partitions, and its streams are found by the first ${partitionCount}`,
    { details: { topic, partitionCount, foundCount } },
  );
}
