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
  type Random,
  type ThroughlineError,
} from '@throughline/event';
import type { Log, TopicDescription } from '@throughline/log';
import { createApp } from './app.ts';
import type { GatewayContext } from './context.ts';
import * as defaults from './defaults.ts';
import { openIncarnation, type Incarnation } from './incarnation.ts';
import type { LiveEvent } from './live-event.ts';
import type { LiveConversation } from './live-conversation.ts';
import { GatewayMetrics } from './metrics.ts';
import { listen, type Listener, type ListenOptions } from './node-server.ts';
import type { DevActions, TablesReader } from './ports.ts';
import { OpenStreams } from './sse.ts';
import { TopicWatch } from './topic-watch.ts';

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
  const description = await log.admin.describeTopic(topic);
  const closing = new AbortController();
  const streams = new OpenStreams(clock, options.heartbeatMs ?? defaults.heartbeatMs);
  const metrics = new GatewayMetrics(defaults.firstTokenBucketsSeconds);
  const open = (found: TopicDescription): Promise<Incarnation> =>
    openIncarnation(found, {
      log,
      topic,
      storePath: options.storePath,
      cacheBytesMax: options.cacheBytesMax ?? defaults.conversationCacheBytes,
      cacheCountMax: options.cacheCountMax ?? defaults.conversationCacheCount,
      onEvent: (event, live) => countRun(metrics, event, live),
      clock,
      logger,
    });
  let now = await open(description);
  const watch = new TopicWatch({
    log,
    topic,
    topicId: description.topicId,
    checkMs: defaults.topicCheckMs,
    onRemade: async (found) => {
      // Whoever reads is of another history; it comes again and finds this one.
      streams.cutAll();
      await now.close();
      now = await open(found);
    },
    clock,
    logger,
  });

  const context: GatewayContext = {
    log,
    topic,
    get generation() {
      return now.generation;
    },
    get index() {
      return now.index;
    },
    get tail() {
      return now.tail;
    },
    get cache() {
      return now.cache;
    },
    get reader() {
      return now.reader;
    },
    get summaries() {
      return now.summaries;
    },
    topicProblem: () => watch.problem,
    warnings: options.warnings ?? (() => []),
    streams,
    metrics,
    clock,
    logger,
    tables: options.tables,
    status: options.status,
    moreMetrics: options.moreMetrics ?? (() => ''),
    defect: options.defect ?? (() => undefined),
    dev: options.dev,
    pageDir: options.pageDir,
    docsDir: options.docsDir,
    functionName: options.functionName,
    allowedOrigins: options.allowedOrigins ?? [],
    bodyBytesMax: options.bodyBytesMax ?? defaults.bodyBytesMax,
    longPollMs: options.longPollMs ?? defaults.longPollMs,
    ulid: ulids(clock, random),
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
      await watch.close();
      await now.close();
    },
  };
}

/** Counts a run's end once: the record that ended it. */
function countRun(metrics: GatewayMetrics, { event }: LiveEvent, { conversation }: LiveConversation): void {
  if (event.type !== 'run-ended') return;
  const run = conversation.runs.get(event.run);
  if (run?.ended?.offset === String(event.at.offset)) metrics.runEnded(run.outcome ?? 'unknown');
}
