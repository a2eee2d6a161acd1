// The topic of conversations as this process has it: its index, its one tail and the conversations in memory, and how they
// hang together. Endpoints work with what this opens.
import type { Clock, Logger, LogRecord } from '@throughline/event';
import { damageFields, type Log, type TopicDescription } from '@throughline/log';
import * as defaults from '../defaults.ts';
import type { OpenStreams } from '../http/sse.ts';
import { ConversationFold } from '../stream-index/conversation-fold.ts';
import { Incarnation } from '../stream-index/incarnation.ts';
import { StreamReader } from '../stream-index/stream-reader.ts';
import { SummaryFeed } from '../stream-index/summary-feed.ts';
import { ConversationCache } from './conversation-cache.ts';
import type { LiveConversation } from './live-conversation.ts';
import type { LiveEvent } from './live-event.ts';
import { LiveTail } from './live-tail.ts';

export interface ConversationsOfTopic {
  readonly incarnation: Incarnation;
  readonly index: ConversationFold;
  readonly reader: StreamReader;
  readonly tail: LiveTail;
  readonly cache: ConversationCache;
  readonly summaries: SummaryFeed;
}

export interface ConversationsOptions {
  readonly log: Log;
  readonly topic: string;
  /** The SQLite file of the index. */
  readonly storePath: string;
  readonly cacheBytesMax: number;
  readonly cacheCountMax: number;
  /** Cut when the topic is another one, or none. */
  readonly streams: OpenStreams;
  /** Called for every event of a conversation in memory, after it was applied. */
  readonly onEvent: (event: LiveEvent, live: LiveConversation) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Opens the index first, for the rest leans on it; the tail starts when all who hear of records are there.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, DATA_FORMAT_UNSUPPORTED, FOLD_FENCED
 */
export async function openConversations(options: ConversationsOptions): Promise<ConversationsOfTopic> {
  const { log, topic, storePath, cacheBytesMax, cacheCountMax, streams, onEvent, clock, logger } = options;
  const incarnation = new Incarnation(await log.admin.describeTopic(topic));
  const summaries = new SummaryFeed(incarnation);
  const index = await ConversationFold.start({
    log,
    topic,
    storePath,
    incarnation,
    rangeGapRecords: defaults.rangeGapRecords,
    commitDelayMs: defaults.indexCommitMs,
    onSummaries: (changed) => summaries.publish(changed),
    clock,
    logger,
  });
  const reader = new StreamReader({
    log,
    topic,
    incarnation,
    index,
    readBytes: defaults.readBytes,
    onDamage: (damage) =>
      logger.warn(damageFields(damage), 'the log is damaged: a conversation is shown without these records'),
  });
  const tail = new LiveTail({
    log,
    topic,
    retryMs: defaults.tailRetryMs,
    waitMsMax: defaults.handedOnWithinMs,
    topicCheckMs: defaults.topicCheckMs,
    clock,
    logger,
  });
  const cache = new ConversationCache({
    reader,
    tail,
    incarnation,
    bytesMax: cacheBytesMax,
    countMax: cacheCountMax,
    onEvent,
  });
  const startOver = (description: TopicDescription): void => {
    incarnation.become(description);
    cache.clear();
    // Readers come back, and are told that their offsets are of another incarnation.
    streams.cutAll();
  };
  try {
    const onRecord = (record: LogRecord): void => cache.deliver(record);
    incarnation.become(await tail.start({ onRecord, onStartOver: startOver, onRemoved: () => streams.cutAll() }));
  } catch (error) {
    await index.close();
    throw error;
  }
  return { incarnation, index, reader, tail, cache, summaries };
}
