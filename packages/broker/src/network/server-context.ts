// What the connections of one Kafka server share.
import type { Logger } from '@throughline/event';
import type { KafkaLimits } from '../defaults.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { KafkaCounters } from './kafka-metrics.ts';
import type { Rejections } from './rejections.ts';
import type { RequestMemory } from './request-memory.ts';
import type { UnsentAnswers } from './unsent-answers.ts';

/** The limits of the server, and what the settings of the broker say of connections. */
export interface ConnectionLimits extends KafkaLimits {
  /** Bytes of one request (socket.request.max.bytes). */
  readonly requestBytesMax: number;
  /** Time without a request after which a connection is closed, in milliseconds (connections.max.idle.ms). */
  readonly connectionIdleMs: number;
}

export interface KafkaServerContext {
  readonly logger: Logger;
  readonly dispatcher: Dispatcher;
  readonly limits: ConnectionLimits;
  readonly counters: KafkaCounters;
  readonly memory: RequestMemory;
  readonly unsent: UnsentAnswers;
  readonly rejections: Rejections;
}
