// What the connections of one Kafka server share.
import type { KafkaLimits } from '../defaults.ts';
import type { Connection } from './connection.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { KafkaCounters } from './kafka-metrics.ts';
import type { Refusals } from './refusals.ts';
import type { RequestMemory } from './request-memory.ts';

export interface KafkaServerContext {
  readonly dispatcher: Dispatcher;
  readonly limits: KafkaLimits;
  readonly counters: KafkaCounters;
  readonly memory: RequestMemory;
  readonly refusals: Refusals;
  readonly onClosed: (connection: Connection) => void;
}
