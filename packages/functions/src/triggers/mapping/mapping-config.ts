// What is said of an event source mapping, with the defaults filled in and every value checked: names and bounds as on AWS, in
// camelCase. What is read once can be read again.
// Source: AWS Lambda API reference, CreateEventSourceMapping.
import {
  array,
  boolean,
  either,
  literal,
  number,
  object,
  optional,
  parseExact,
  string,
  ThroughlineError,
  unknown,
  type OutputOf,
} from '@throughline/event';
import { mappingDefaults, mappingLimits } from '../../defaults.ts';
import { compileFilters } from './record-filter.ts';

export interface MappingConfig {
  /** `kafka`: events of Kafka's shape; `stream`: of Kinesis's. */
  readonly type: 'kafka' | 'stream';
  readonly topic: string;
  /** A mapping that is not enabled keeps its place. */
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly batchWindowMs: number;
  /** Where it begins in a partition in which its group has committed nothing. */
  readonly startingPosition: 'TRIM_HORIZON' | 'LATEST' | 'AT_TIMESTAMP';
  /** Milliseconds since 1970; an application may write ISO 8601. */
  readonly startingPositionTimestamp?: number;
  readonly parallelizationFactor: number;
  readonly bisectBatchOnFunctionError: boolean;
  readonly reportBatchItemFailures: boolean;
  /** -1: for ever. */
  readonly maximumRetryAttempts: number;
  /** -1: any age. */
  readonly maximumRecordAgeSeconds: number;
  /** A record that matches none of them is passed; without one all match. */
  readonly filters: readonly unknown[];
  /** `kafka://topic`: where records go that are given up. */
  readonly onFailure?: string;
  /** The consumer group that has its place; made from the names of function and topic where absent. */
  readonly consumerGroupId?: string;
}

const integer = number({ integer: true });
const topicName = string({ pattern: /^[A-Za-z0-9._-]{1,249}$/, what: 'the name of a topic' });
const schema = object({
  type: literal('kafka', 'stream'),
  topic: topicName,
  enabled: optional(boolean()),
  batchSize: optional(integer),
  batchWindowMs: optional(integer),
  startingPosition: optional(literal('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP')),
  startingPositionTimestamp: optional(either(number({ min: 0 }), string())),
  parallelizationFactor: optional(integer),
  bisectBatchOnFunctionError: optional(boolean()),
  reportBatchItemFailures: optional(boolean()),
  maximumRetryAttempts: optional(integer),
  maximumRecordAgeSeconds: optional(integer),
  filters: optional(array(unknown())),
  onFailure: optional(string({ pattern: /^kafka:\/\/[A-Za-z0-9._-]{1,249}$/, what: 'kafka://<topic>' })),
  consumerGroupId: optional(string({ pattern: /^.{1,255}$/, what: 'the name of a consumer group' })),
});

/**
 * Narrows what an application says, and fills in the defaults.
 *
 * @throws ThroughlineError CONFIG_INVALID with the path of the value
 */
export function readMapping(value: unknown, path: string): MappingConfig {
  try {
    return resolve(parseExact(schema, value, 'CONFIG_INVALID'));
  } catch (thrown) {
    const { code, message } = ThroughlineError.from(thrown);
    throw new ThroughlineError(code, `${path}: ${message}`, { cause: thrown });
  }
}

/** The topic of `kafka://topic`. */
export function topicOf(destination: string): string {
  return destination.slice('kafka://'.length);
}

function resolve(asked: OutputOf<typeof schema>): MappingConfig {
  const { startingPositionTimestamp: time, ...rest } = asked;
  const { streamWindowMs, batchWindowMs, ...defaults } = mappingDefaults;
  // A setting that is there and undefined is one that nobody has made.
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest;
  const config: MappingConfig = {
    enabled: true,
    bisectBatchOnFunctionError: false,
    reportBatchItemFailures: false,
    filters: [],
    ...defaults,
    batchWindowMs: asked.type === 'kafka' ? batchWindowMs : streamWindowMs,
    ...given,
    ...(time === undefined ? {} : { startingPositionTimestamp: timeOf(time) }),
  };
  check(config);
  return config;
}

function check(config: MappingConfig): void {
  const { topic, onFailure, startingPosition, startingPositionTimestamp, filters } = config;
  between('batchSize', config.batchSize, 1, mappingLimits.batchSizeMax);
  between('batchWindowMs', config.batchWindowMs, 0, mappingLimits.batchWindowMsMax);
  between('parallelizationFactor', config.parallelizationFactor, 1, mappingLimits.parallelizationFactorMax);
  between('maximumRetryAttempts', config.maximumRetryAttempts, -1, mappingLimits.maximumRetryAttemptsMax);
  if (config.maximumRecordAgeSeconds !== -1) {
    const { maximumRecordAgeSecondsMin: min, maximumRecordAgeSecondsMax: max } = mappingLimits;
    between('maximumRecordAgeSeconds', config.maximumRecordAgeSeconds, min, max, '-1 or ');
  }
  if ((startingPosition === 'AT_TIMESTAMP') !== (startingPositionTimestamp !== undefined)) {
    throw invalid('startingPositionTimestamp: it goes with startingPosition AT_TIMESTAMP, and only with it');
  }
  if (onFailure !== undefined && topicOf(onFailure) === topic) {
    throw invalid(`onFailure: ${topic} is the topic that is read: what fails would come again and again`);
  }
  if (filters.length > mappingLimits.filtersMax) {
    throw invalid(`filters: expected at most ${mappingLimits.filtersMax} filters`);
  }
  compileFilters(config);
}

function between(name: string, value: number, min: number, max: number, or = ''): void {
  if (value < min || value > max) throw invalid(`${name}: expected ${or}a number from ${min} to ${max}`);
}

function timeOf(time: number | string): number {
  const timeMs = typeof time === 'number' ? time : Date.parse(time);
  if (Number.isNaN(timeMs)) throw invalid('startingPositionTimestamp: expected milliseconds since 1970 or ISO 8601');
  return timeMs;
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('CONFIG_INVALID', message);
}
