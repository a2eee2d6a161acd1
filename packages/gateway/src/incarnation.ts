// What a gateway keeps of one incarnation of its topic: who reads it, the index of its conversations and those in memory.
// Another incarnation has another generation of offsets (offset-token.ts) and nothing in common with the one before, so
// that a topic which is made again gets all of it anew.
import type { Clock, Logger } from '@throughline/event';
import { damageFields, type Log, type TopicDescription } from '@throughline/log';
import { ConversationCache } from './conversation-cache.ts';
import { ConversationFold, type OffsetRange } from './conversation-fold.ts';
import * as defaults from './defaults.ts';
import type { LiveEvent } from './live-event.ts';
import type { LiveConversation } from './live-conversation.ts';
import { LiveTail } from './live-tail.ts';
import { generationOf } from './offset-token.ts';
import { StreamReader } from './stream-reader.ts';
import { SummaryFeed } from './summary-feed.ts';

export interface IncarnationOptions {
  readonly log: Log;
  readonly topic: string;
  readonly storePath: string;
  readonly cacheBytesMax: number;
  readonly cacheCountMax: number;
  readonly onEvent: (event: LiveEvent, conversation: LiveConversation) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Incarnation {
  readonly generation: string;
  readonly index: ConversationFold;
  readonly tail: LiveTail;
  readonly cache: ConversationCache;
  readonly reader: StreamReader;
  readonly summaries: SummaryFeed;
  close(): Promise<void>;
}

/** @throws ThroughlineError UNKNOWN_TOPIC, DATA_FORMAT_UNSUPPORTED, FOLD_FENCED */
export async function openIncarnation(
  { topicId, partitions }: TopicDescription,
  options: IncarnationOptions,
): Promise<Incarnation> {
  const { log, topic, storePath, clock, logger } = options;
  const generation = generationOf(topicId);
  const partitionCount = partitions.length;
  const summaries = new SummaryFeed(generation);
  const reader: StreamReader = new StreamReader({
    log,
    topic,
    partitionCount,
    indexOffsets: () => index.offsets,
    ranges: (id, from): OffsetRange[] => index.ranges(id, from),
    readBytes: defaults.readBytes,
    onDamage: (damage) =>
      logger.warn(damageFields(damage), 'the log is damaged: a conversation is shown without these records'),
  });
  const cache: ConversationCache = new ConversationCache({
    reader,
    position: (partition) => tail.position(partition),
    generation,
    bytesMax: options.cacheBytesMax,
    countMax: options.cacheCountMax,
    onEvent: options.onEvent,
  });
  const tail = await LiveTail.start({
    log,
    topic,
    onRecord: (record) => cache.deliver(record),
    retryMs: defaults.tailRetryMs,
    waitMsMax: defaults.handedOnWithinMs,
    clock,
    logger,
  });
  const starting = ConversationFold.start({
    log,
    topic,
    storePath,
    partitionCount,
    rangeGapRecords: defaults.rangeGapRecords,
    commitDelayMs: defaults.indexCommitMs,
    onSummaries: (changed) => summaries.publish(changed),
    clock,
    logger,
  });
  const index = await starting.catch(async (error: unknown) => {
    await tail.close();
    throw error;
  });
  return {
    generation,
    index,
    tail,
    cache,
    reader,
    summaries,
    async close() {
      await tail.close();
      await index.close();
    },
  };
}
