// The settings of topics and brokers as the protocol writes them: where a value comes from and of which type it is, as
// numbers (Kafka's DescribeConfigsResponse).
import type { ConfigSource, DescribedConfig } from '../metadata/describe-configs.ts';

export const configSourceIds: Readonly<Record<ConfigSource, number>> = {
  DYNAMIC_TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
};

export const configTypeIds: Readonly<Record<DescribedConfig['type'], number>> = {
  UNKNOWN: 0,
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
};
