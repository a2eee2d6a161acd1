// The gateway: HTTP over topic `conversations`. It appends what people say, and shows what is on the log; it knows no
// function, no pipeline and no model. See docs/internals/gateway.md.
import {
  silentLogger,
  guardedClock,
  systemClock,
  systemRandom,
  ulids,
  type Clock,
  type ErrorBody,
  type Logger,
  type LogRecord,
  type Random,
  type ThroughlineError,
} from '@throughline/event';
import { damageFields, type Log, type TopicDescription } from '@throughline/log';
import { createApp } from './app.ts';
import type { ConversationsOfTopic, GatewayContext } from './context.ts';
import { ConversationCache } from './conversation-cache.ts';
import { ConversationFold } from './conversation-fold.ts';
import * as defaults from './defaults.ts';
import { Incarnation } from './incarnation.ts';
import type { LiveEvent } from './live-event.ts';
import type { LiveConversation } from './live-conversation.ts';
import { LiveTail } from './live-tail.ts';
import { GatewayMetrics } from './metrics.ts';
import { listen, type Listener, type ListenOptions } from './node-server.ts';
import type { DevActions, TablesReader } from './ports.ts';
import { OpenStreams } from './sse.ts';
import { StreamReader } from './stream-reader.ts';
import { SummaryFeed } from './summary-feed.ts';

export interface GatewayOptions {
  readonly log: Log;
  /** The topic of all conversations. */
  readonly topic: string;
  /** The SQLite file of the conversation index; its folder must be there. It is derived: without it, it is folded again. */
  readonly storePath: string;
  /** The function that answers. */
  readonly functionName: string;
  readonly tables: TablesReader;
  /** What others know; merged into GET /v1/status. */
  readonly status: () => Promise<Readonly<Record<string, unknown>>>;
  /** What is not as it should be and keeps nobody from working: part of GET /v1/status and GET /readyz. */
  readonly warnings?: () => readonly ThroughlineError[];
  /** What others count, in Prometheus' text format; added to GET /metrics. */
  readonly moreMetrics?: () => string;
  /** A defect that the process has met (event/unattended.ts): readyz says it. */
  readonly defect?: () => ErrorBody | undefined;
  /** The built page; none is served where absent. */
  readonly pageDir?: string;
  /** The documents behind /docs/. */
  readonly docsDir?: string;
  /** The "break it" menu, in development mode. */
  readonly dev?: DevActions;
  /** Origins beside the server's own that may ask, such as `https://app.example.com`. */
  readonly allowedOrigins?: readonly string[];
  /** The largest request body in bytes. */
  readonly bodyBytesMax?: number;
  /** The longest wait of a long-poll read, in milliseconds. */
  readonly longPollMs?: number;
  /** Silence after which an open stream gets a comment, in milliseconds. */
  readonly heartbeatMs?: number;
  /** Bounds of the conversations held in memory. */
  readonly cacheBytesMax?: number;
  readonly cacheCountMax?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface Gateway {
  /** Answers a request, with or without a socket. */
  fetch(request: Request): Promise<Response>;
  /** @throws ThroughlineError PORT_IN_USE, CONFIG_INVALID */
  listen(options: ListenOptions): Promise<Listener>;
  /** Cuts all streams (a reply that is not over is never ended cleanly), closes listeners, tail and index. */
  close(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, DATA_FORMAT_UNSUPPORTED, FOLD_FENCED
 * @example
 * const gateway = await createGateway({ log, topic: 'conversations', storePath, functionName: 'answer', tables, status });
 * const { url } = await gateway.listen({ host: '127.0.0.1', port: 4437 });
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, topic, random = systemRandom, logger = silentLogger } = options;
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const incarnation = new Incarnation(await log.admin.describeTopic(topic));
  const closing = new AbortController();
  const streams = new OpenStreams(clock, options.heartbeatMs ?? defaults.heartbeatMs);
  const metrics = new GatewayMetrics(defaults.firstTokenBucketsSeconds);
  const conversations = await openConversations(options, { incarnation, streams, metrics, clock, logger });
  const { tail, index } = conversations;
  const context: GatewayContext = {
    log,
    topic,
    conversations,
    neighbours: {
      tables: options.tables,
      status: options.status,
      warnings: options.warnings ?? (() => []),
      moreMetrics: options.moreMetrics ?? (() => ''),
      defect: options.defect ?? (() => undefined),
      dev: options.dev,
    },
    settings: {
      functionName: options.functionName,
      allowedOrigins: options.allowedOrigins ?? [],
      bodyBytesMax: options.bodyBytesMax ?? defaults.bodyBytesMax,
      longPollMs: options.longPollMs ?? defaults.longPollMs,
      pageDir: options.pageDir,
      docsDir: options.docsDir,
    },
    streams,
    metrics,
    ulid: ulids(clock, random),
    clock,
    logger,
    closing: closing.signal,
  };
  const app = createApp(context);
  const listeners = new Set<Listener>();
  const stopServing = async (): Promise<void> => {
    closing.abort();
    streams.cutAll();
    await Promise.all(Array.from(listeners, (listener) => listener.close()));
  };
  return {
    fetch: (request) => app(request),
    async listen(listenOptions) {
      const listener = await listen(app, listenOptions, { closeWithinMs: defaults.closeWithinMs, clock, logger });
      listeners.add(listener);
      return { url: listener.url, port: listener.port, close: stopServing };
    },
    async close() {
      await stopServing();
      await tail.close();
      await index.close();
    },
  };
}

interface Shared {
  readonly incarnation: Incarnation;
  readonly streams: OpenStreams;
  readonly metrics: GatewayMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Opens the index first, for the rest leans on it; the tail starts when all who hear of records are there. */
async function openConversations(
  options: GatewayOptions,
  { incarnation, streams, metrics, clock, logger }: Shared,
): Promise<ConversationsOfTopic> {
  const { log, topic } = options;
  const summaries = new SummaryFeed(incarnation);
  const index = await ConversationFold.start({
    log,
    topic,
    storePath: options.storePath,
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
    bytesMax: options.cacheBytesMax ?? defaults.conversationCacheBytes,
    countMax: options.cacheCountMax ?? defaults.conversationCacheCount,
    onEvent: (event, live) => countRun(metrics, event, live),
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

/** Counts a run's end once: the record that ended it. */
function countRun(metrics: GatewayMetrics, { event }: LiveEvent, { conversation }: LiveConversation): void {
  if (event.type !== 'run-ended') return;
  const run = conversation.runs.get(event.run);
  if (run?.ended?.offset === String(event.at.offset)) metrics.runEnded(run.outcome ?? 'unknown');
}
