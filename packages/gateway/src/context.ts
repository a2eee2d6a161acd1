// What every endpoint of one gateway shares.
import type { Clock, ErrorBody, Logger, ThroughlineError } from '@throughline/event';
import type { Log } from '@throughline/log';
import type { ConversationCache } from './conversation-cache.ts';
import type { ConversationFold } from './conversation-fold.ts';
import type { LiveTail } from './live-tail.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { OpenStreams } from './sse.ts';
import type { StreamReader } from './stream-reader.ts';
import type { SummaryFeed } from './summary-feed.ts';
import type { DevActions, TablesReader } from './ports.ts';

export interface GatewayContext {
  readonly log: Log;
  /** Why conversations cannot be had at all; undefined while they can. */
  readonly topicProblem: () => ThroughlineError | undefined;
  /** What is not as it should be and keeps nobody from working. */
  readonly warnings: () => readonly ThroughlineError[];
  readonly topic: string;
  /** See offset-token.ts. */
  readonly generation: string;
  readonly index: ConversationFold;
  readonly tail: LiveTail;
  readonly cache: ConversationCache;
  readonly reader: StreamReader;
  readonly summaries: SummaryFeed;
  readonly streams: OpenStreams;
  readonly metrics: GatewayMetrics;
  readonly tables: TablesReader;
  readonly status: () => Promise<Readonly<Record<string, unknown>>>;
  readonly moreMetrics: () => string;
  /** A defect that the process has met, whose outcome nobody waits for. */
  readonly defect: () => ErrorBody | undefined;
  readonly dev: DevActions | undefined;
  readonly pageDir: string | undefined;
  readonly docsDir: string | undefined;
  readonly functionName: string;
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly longPollMs: number;
  readonly ulid: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the gateway closes. */
  readonly closing: AbortSignal;
}
