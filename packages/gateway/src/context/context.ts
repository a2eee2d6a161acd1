// What the endpoints of one gateway share, by what it belongs to.
import type { Clock, ErrorBody, Logger, ThroughlineError } from '@throughline/event';
import type { Log } from '@throughline/log';
import type { OpenStreams } from '../http/sse.ts';
import type { ConversationsOfTopic } from '../live/conversations-of-topic.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { DevActions, FunctionsApi, TablesReader } from './ports.ts';

/** What others than the gateway know and can do. */
export interface Neighbours {
  readonly tables: TablesReader;
  readonly status: () => Promise<Readonly<Record<string, unknown>>>;
  /** What is not as it should be and keeps nobody from working. */
  readonly warnings: () => readonly ThroughlineError[];
  readonly moreMetrics: () => string;
  /** What the process cannot serve on with: a defect that it has met, whose outcome nobody waits for, or a lost data folder. */
  readonly trouble: () => ErrorBody | undefined;
  readonly functions: FunctionsApi | undefined;
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
  /** The log with every partition: what is shown of topics and records. */
  readonly wholeLog: Log;
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
