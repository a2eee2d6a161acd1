// What the endpoints of one gateway share, by what it belongs to.
import type { Clock, ErrorBody, Logger, ThroughlineError } from '@throughline/event';
import type { Log } from '@throughline/log';
import type { ConversationCache } from './conversation-cache.ts';
import type { ConversationFold } from './conversation-fold.ts';
import type { Incarnation } from './incarnation.ts';
import type { LiveTail } from './live-tail.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { DevActions, TablesReader } from './ports.ts';
import type { OpenStreams } from './sse.ts';
import type { StreamReader } from './stream-reader.ts';
import type { SummaryFeed } from './summary-feed.ts';

/** The topic of conversations, as this process has it. */
export interface ConversationsOfTopic {
  readonly incarnation: Incarnation;
  readonly index: ConversationFold;
  readonly reader: StreamReader;
  readonly tail: LiveTail;
  readonly cache: ConversationCache;
  readonly summaries: SummaryFeed;
}

/** What others than the gateway know and can do. */
export interface Neighbours {
  readonly tables: TablesReader;
  readonly status: () => Promise<Readonly<Record<string, unknown>>>;
  /** What is not as it should be and keeps nobody from working. */
  readonly warnings: () => readonly ThroughlineError[];
  readonly moreMetrics: () => string;
  /** A defect that the process has met, whose outcome nobody waits for. */
  readonly defect: () => ErrorBody | undefined;
  readonly dev: DevActions | undefined;
}

export interface GatewaySettings {
  readonly functionName: string;
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly longPollMs: number;
  readonly pageDir: string | undefined;
  readonly docsDir: string | undefined;
}

export interface GatewayContext {
  readonly log: Log;
  readonly topic: string;
  readonly conversations: ConversationsOfTopic;
  readonly neighbours: Neighbours;
  readonly settings: GatewaySettings;
  readonly streams: OpenStreams;
  readonly metrics: GatewayMetrics;
  readonly ulid: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborts when the gateway closes. */
  readonly closing: AbortSignal;
}
