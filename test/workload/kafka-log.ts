// Any Kafka as the workload uses it.
import { integerBetween, type Random } from '@throughline/event';
import { KafkaCluster, type KafkaClusterOptions } from './kafka-cluster.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { KafkaMember } from './kafka-member.ts';
import { KafkaProducer } from './kafka-producer.ts';
import type { LogPort } from './ports.ts';

export interface KafkaLogOptions extends KafkaClusterOptions {
  readonly random: Random;
  readonly partitionCount: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

export function kafkaLog(options: KafkaLogOptions): LogPort {
  const { random, partitionCount, requestTimeoutMs, sessionTimeoutMs, rebalanceTimeoutMs } = options;
  const consumerOptions = (): { usesSessions: boolean; waitMs: number; partitionBytesMax: number } => ({
    usesSessions: random.float() < 0.5,
    waitMs: integerBetween(random, 0, 20),
    partitionBytesMax: integerBetween(random, 1, 600),
  });
  return {
    async producer() {
      const producer = new KafkaProducer(new KafkaCluster(options), requestTimeoutMs * 3);
      await producer.begin();
      return producer;
    },
    async consumer() {
      return new KafkaConsumer(new KafkaCluster(options), consumerOptions());
    },
    async member(group) {
      return new KafkaMember(new KafkaCluster(options), {
        ...consumerOptions(),
        group,
        partitionCount,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
      });
    },
  };
}
