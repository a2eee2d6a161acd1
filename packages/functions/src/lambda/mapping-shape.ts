// Event source mappings as AWS's API writes them, and as a mapping is said here: AWS's names, whole seconds, ARNs.
//
// `Topics` is a mapping of Kafka's shape, the ARN of a Kinesis stream one of Kinesis's. Where the brokers are, and how to sign in to
// them, is not asked: the log is the server's own.
// Source: AWS Lambda API reference, CreateEventSourceMapping and EventSourceMappingConfiguration.
import {
  array,
  boolean,
  number,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  unknown,
  type OutputOf,
} from '@throughline/event';
import { mappingDefaults } from '../defaults.ts';
import { readMapping, type MappingConfig } from '../triggers/mapping/mapping-config.ts';
import type { ListedMapping } from '../triggers/mapping/mappings.ts';
import { streamArn } from '../triggers/mapping/event-shape.ts';
import { invalidParameter, notBuilt } from './aws-error.ts';
import { arnOf } from './function-name.ts';

const text = optional(string());
const figure = optional(number());
const consumerGroup = optional(object({ ConsumerGroupId: text }));
const requestSchema = object({
  FunctionName: text,
  Enabled: optional(boolean()),
  BatchSize: figure,
  MaximumBatchingWindowInSeconds: figure,
  ParallelizationFactor: figure,
  StartingPosition: text,
  StartingPositionTimestamp: figure,
  MaximumRecordAgeInSeconds: figure,
  MaximumRetryAttempts: figure,
  BisectBatchOnFunctionError: optional(boolean()),
  FunctionResponseTypes: optional(array(string())),
  FilterCriteria: optional(object({ Filters: optional(array(object({ Pattern: text }))) })),
  DestinationConfig: optional(
    object({
      OnFailure: optional(object({ Destination: text })),
      OnSuccess: optional(object({ Destination: text })),
    }),
  ),
  EventSourceArn: text,
  Topics: optional(array(string())),
  Queues: optional(array(string())),
  SelfManagedEventSource: optional(unknown()),
  SelfManagedKafkaEventSourceConfig: consumerGroup,
  AmazonManagedKafkaEventSourceConfig: consumerGroup,
  TumblingWindowInSeconds: figure,
});

export type MappingRequest = OutputOf<typeof requestSchema>;

/** @throws AwsError InvalidParameterValueException */
export function readMappingRequest(fields: Readonly<Record<string, unknown>>): MappingRequest {
  return asParameters(() => parse(requestSchema, fields));
}

/** @throws AwsError InvalidParameterValueException; ServiceException for sources that a later version has */
export function newConfig(asked: MappingRequest): MappingConfig {
  const source = sourceOf(asked);
  if (source.type === 'stream' && asked.StartingPosition === undefined) {
    throw invalidParameter('1 validation error detected: StartingPosition must be specified for stream event sources.');
  }
  const { SelfManagedKafkaEventSourceConfig: own, AmazonManagedKafkaEventSourceConfig: managed } = asked;
  const consumerGroupId = own?.ConsumerGroupId ?? managed?.ConsumerGroupId;
  return read({
    ...source,
    ...settingsOf(asked),
    startingPosition: asked.StartingPosition,
    startingPositionTimestamp:
      asked.StartingPositionTimestamp === undefined ? undefined : asked.StartingPositionTimestamp * 1000,
    consumerGroupId,
  });
}

/** What is said anew replaces what was said; the rest stays. @throws AwsError InvalidParameterValueException */
export function changedConfig(before: MappingConfig, asked: MappingRequest): MappingConfig {
  const { onFailure, ...rest } = { ...before, ...defined(settingsOf(asked)) };
  const isRemoved =
    asked.DestinationConfig !== undefined && asked.DestinationConfig.OnFailure?.Destination === undefined;
  return read({ ...rest, onFailure: isRemoved ? undefined : onFailure });
}

/** A mapping as AWS answers it. */
export function mappingJson(mapping: ListedMapping, bootstrapServers: string): Record<string, unknown> {
  const { uuid, functionName, config, state, changedMs, group, problem } = mapping;
  const { type, topic, startingPositionTimestamp, batchWindowMs, onFailure } = config;
  const servers = bootstrapServers === '' ? [] : bootstrapServers.split(',');
  return {
    UUID: uuid,
    EventSourceMappingArn: `${arnOf('').replace(/function:$/, 'event-source-mapping:')}${uuid}`,
    FunctionArn: arnOf(functionName),
    ...(type === 'kafka'
      ? {
          Topics: [topic],
          SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
          SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: group },
        }
      : { EventSourceArn: streamArn(topic) }),
    BatchSize: config.batchSize,
    // AWS's default for Kafka has no whole second, and is not said.
    ...(batchWindowMs === mappingDefaults.batchWindowMs
      ? {}
      : { MaximumBatchingWindowInSeconds: batchWindowMs / 1000 }),
    ParallelizationFactor: config.parallelizationFactor,
    StartingPosition: config.startingPosition,
    ...(startingPositionTimestamp === undefined ? {} : { StartingPositionTimestamp: startingPositionTimestamp / 1000 }),
    MaximumRecordAgeInSeconds: config.maximumRecordAgeSeconds,
    MaximumRetryAttempts: config.maximumRetryAttempts,
    BisectBatchOnFunctionError: config.bisectBatchOnFunctionError,
    FunctionResponseTypes: config.reportBatchItemFailures ? ['ReportBatchItemFailures'] : [],
    ...(config.filters.length === 0
      ? {}
      : { FilterCriteria: { Filters: config.filters.map((filter) => ({ Pattern: JSON.stringify(filter) })) } }),
    DestinationConfig: onFailure === undefined ? {} : { OnFailure: { Destination: onFailure } },
    State: state,
    StateTransitionReason: mapping.isConfigured ? 'It is in throughline.config.ts' : 'User action',
    LastModified: changedMs / 1000,
    LastProcessingResult: problem === undefined ? 'OK' : `PROBLEM: ${problem.code}: ${problem.message}`,
  };
}

/** The topic that an ARN of a Kinesis stream means; undefined for every other ARN. */
export function topicOfArn(arn: string): string | undefined {
  return /^arn:aws[a-z-]*:kinesis:[^:]*:[^:]*:stream\/([A-Za-z0-9._-]{1,249})$/.exec(arn)?.[1];
}

function sourceOf({
  EventSourceArn: arn,
  Topics: topics,
  Queues: queues,
}: MappingRequest): Pick<MappingConfig, 'type' | 'topic'> {
  if (queues !== undefined && queues.length > 0)
    throw notBuilt('event source mappings of queues of a broker are not there');
  if (topics !== undefined) {
    const [topic, ...more] = topics;
    if (topic === undefined || more.length > 0) throw invalidParameter('Topics: expected one topic');
    return { type: 'kafka', topic };
  }
  if (arn === undefined)
    throw invalidParameter('Either Topics or EventSourceArn must be given: a mapping needs a source');
  const topic = topicOfArn(arn);
  if (topic === undefined)
    throw notBuilt(
      `event source mappings of ${arn} are not there: a topic is named by Topics or by the ARN of a Kinesis stream`,
    );
  return { type: 'stream', topic };
}

/** What can be said at any time. */
function settingsOf(asked: MappingRequest): Partial<MappingConfig> {
  const {
    DestinationConfig: destinations,
    MaximumBatchingWindowInSeconds: windowSeconds,
    FunctionResponseTypes: types,
  } = asked;
  if ((asked.TumblingWindowInSeconds ?? 0) > 0) throw notBuilt('tumbling windows are not there');
  if (destinations?.OnSuccess?.Destination !== undefined)
    throw invalidParameter('OnSuccess: a mapping has only a destination for failures');
  const destination = destinations?.OnFailure?.Destination;
  if (destination !== undefined && !destination.startsWith('kafka://')) {
    throw invalidParameter(`OnFailure: ${destination} is no destination here; expected kafka://<topic>`);
  }
  const unknownType = types?.find((type) => type !== 'ReportBatchItemFailures');
  if (unknownType !== undefined) throw invalidParameter(`FunctionResponseTypes: ${unknownType} is none`);
  return {
    enabled: asked.Enabled,
    batchSize: asked.BatchSize,
    batchWindowMs: windowSeconds === undefined ? undefined : windowSeconds * 1000,
    parallelizationFactor: asked.ParallelizationFactor,
    maximumRecordAgeSeconds: asked.MaximumRecordAgeInSeconds,
    maximumRetryAttempts: asked.MaximumRetryAttempts,
    bisectBatchOnFunctionError: asked.BisectBatchOnFunctionError,
    reportBatchItemFailures: types === undefined ? undefined : types.length > 0,
    filters:
      asked.FilterCriteria === undefined
        ? undefined
        : (asked.FilterCriteria.Filters ?? []).map(({ Pattern }) => patternOf(Pattern ?? '{}')),
    onFailure: destination,
  } as Partial<MappingConfig>;
}

function patternOf(pattern: string): unknown {
  try {
    return JSON.parse(pattern);
  } catch {
    throw invalidParameter(`Invalid filter pattern definition: ${pattern} is no JSON`);
  }
}

function read(config: Record<string, unknown>): MappingConfig {
  return asParameters(() => readMapping(defined(config), 'mapping'));
}

function asParameters<Read>(action: () => Read): Read {
  try {
    return action();
  } catch (thrown) {
    const { code, message } = ThroughlineError.from(thrown);
    if (code === 'CONFIG_INVALID' || code === 'INVALID_ARGUMENT') throw invalidParameter(message);
    if (code === 'NOT_BUILT_YET') throw notBuilt(message);
    throw thrown;
  }
}

function defined(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
