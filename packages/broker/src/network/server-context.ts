// What the connections of one Kafka server share.
import type { KafkaLimits } from '../defaults.ts';
import type { Services } from '../services.ts';
import type { Connection } from './connection.ts';
import type { KafkaCounters } from './kafka-metrics.ts';
import type { Refusals } from './refusals.ts';

export interface KafkaServerContext {
  readonly services: Services;
  readonly limits: KafkaLimits;
  readonly counters: KafkaCounters;
  readonly refusals: Refusals;
  onClosed(connection: Connection): void;
}
