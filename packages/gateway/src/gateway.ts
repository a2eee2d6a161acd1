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
import type { Log } from '@throughline/log';
import { createApp } from './app.ts';
import type { GatewayContext } from './context/context.ts';
import { GatewayMetrics } from './context/metrics.ts';
import type { DevActions, FunctionsApi, TablesReader } from './context/ports.ts';
import * as defaults from './defaults.ts';
import { listen, type Listener, type ListenOptions } from './http/node-server.ts';
import { OpenStreams } from './http/sse.ts';
import { openConversations } from './live/conversations-of-topic.ts';
import type { LiveConversation } from './live/live-conversation.ts';
import type { LiveEvent } from './live/live-event.ts';

export interface GatewayOptions {
  readonly log: Log;
  /** The log as `/v1/topics` shows it, where `log` is a view that hides some of its partitions; `log` where absent. */
  readonly wholeLog?: Log;
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
  /** A defect that the process has met (event/unattended.ts), or what it has lost: readyz says it. */
  readonly trouble?: () => ErrorBody | undefined;
  /** The built page; none is served where absent. */
  readonly pageDir?: string;
  /** The documents behind /docs/. */
  readonly docsDir?: string;
  /** AWS's API of functions and their URLs; absent where there are none. */
  readonly functions?: FunctionsApi;
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
  const closing = new AbortController();
  const streams = new OpenStreams(clock, options.heartbeatMs ?? defaults.heartbeatMs);
  const metrics = new GatewayMetrics(defaults.firstTokenBucketsSeconds);
  const conversations = await openConversations({
    log,
    topic,
    storePath: options.storePath,
    cacheBytesMax: options.cacheBytesMax ?? defaults.conversationCacheBytes,
    cacheCountMax: options.cacheCountMax ?? defaults.conversationCacheCount,
    streams,
    onEvent: (event, live) => countRun(metrics, event, live),
    clock,
    logger,
  });
  const { tail, index } = conversations;
  const context: GatewayContext = {
    log,
    wholeLog: options.wholeLog ?? log,
    topic,
    conversations,
    neighbours: {
      tables: options.tables,
      status: options.status,
      warnings: options.warnings ?? (() => []),
      moreMetrics: options.moreMetrics ?? (() => ''),
      trouble: options.trouble ?? (() => undefined),
      functions: options.functions,
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

/** Counts a run's end once: the record that ended it. */
function countRun(metrics: GatewayMetrics, { event }: LiveEvent, { conversation }: LiveConversation): void {
  if (event.type !== 'run-ended') return;
  const run = conversation.runs.get(event.run);
  if (run?.ended?.offset === String(event.at.offset)) metrics.runEnded(run.outcome ?? 'unknown');
}
