// The events of a function as triggers of the contract. What one of them says that its trigger does not take is noted.
// Source: AWS SAM developer guide, "EventSource".
import { destinationOf } from './destinations.ts';
import type { Notes } from './notes.ts';
import type { LocalNames, Resource } from './resource-names.ts';
import { isRecord, textOf } from './template-text.ts';

export type Trigger = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface EventContext {
  readonly names: LocalNames;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly notes: Notes;
  /** Properties of a resource, computed. */
  propertiesOf(resource: Resource): Record<string, unknown>;
}

type Properties = Readonly<Record<string, unknown>>;
type Translate = (properties: Properties, context: EventContext, path: string) => Trigger[];

const translations: Readonly<Record<string, Translate>> = {
  Api: (event, { notes }, path) => {
    const trigger = route(event, 'RestApiId', 'ServerlessRestApi', '1.0');
    notes.add(path, placeOf(trigger));
    return [trigger];
  },
  HttpApi: (event, { notes }, path) => {
    const version = event['PayloadFormatVersion'] === '1.0' ? '1.0' : '2.0';
    const trigger = route(event, 'ApiId', 'ServerlessHttpApi', version);
    notes.add(path, placeOf(trigger));
    return [trigger];
  },
  SelfManagedKafka: kafka,
  MSK: kafka,
  Kafka: kafka,
  Kinesis: (event, context, path) => [
    { type: 'stream', topic: context.names.nameIn(event['Stream']), ...mapping(event, context, path) },
  ],
  SQS: queue,
  S3: bucket,
  EventBridgeRule: bus,
  CloudWatchEvent: bus,
  Schedule: (event, { notes }, path) => {
    if (event['Enabled'] === false || event['State'] === 'DISABLED') return disabled(notes, path);
    return [{ type: 'schedule', expression: event['Schedule'], ...input(event, notes, path) }];
  },
  ScheduleV2: (event, { notes }, path) => {
    if (event['State'] === 'DISABLED') return disabled(notes, path);
    const timezone = event['ScheduleExpressionTimezone'];
    const zone = timezone === undefined ? {} : { timezone };
    return [{ type: 'schedule', expression: event['ScheduleExpression'], ...zone, ...input(event, notes, path) }];
  },
};

/** What a property is for that changes nothing here, and so needs no line. */
const silent =
  /^(?:Auth|Method|Path|RequestParameters|RequestModel|TimeoutInMillis|RouteSettings|Name|Description|RoleArn|PermissionsBoundary|KmsKeyArn|Tags|Id|StatementId|OmitName|KafkaBootstrapServers|SourceAccessConfigurations|ScheduleName|GroupName)$/;
/** Properties of all events that a trigger is made of. */
const used =
  /^(?:RestApiId|ApiId|PayloadFormatVersion|Stream|Topics|Queue|Bucket|Events|Filter|Pattern|EventBusName|Schedule|ScheduleExpression|ScheduleExpressionTimezone|State|Enabled|Input|BatchSize|MaximumBatchingWindowInSeconds|StartingPosition|StartingPositionTimestamp|ParallelizationFactor|BisectBatchOnFunctionError|FunctionResponseTypes|MaximumRetryAttempts|MaximumRecordAgeInSeconds|FilterCriteria|DestinationConfig|ConsumerGroupId|ScalingConfig)$/;

/** A trigger, and where the event stands that it is of. */
export interface PlacedTrigger {
  readonly path: string;
  readonly trigger: Trigger;
}

/** The triggers of one event; none where it is nothing here, which is noted. */
export function triggersOf(type: string, properties: Properties, context: EventContext, path: string): PlacedTrigger[] {
  const translate = translations[type];
  if (translate === undefined) {
    context.notes.add(path, `events of type ${type} are not there; nothing calls the function for it`);
    return [];
  }
  for (const name of Object.keys(properties)) {
    if (!silent.test(name) && !used.test(name)) context.notes.add(`${path}.${name}`, 'it is not heeded');
  }
  if (properties['Auth'] !== undefined && isRecord(properties['Auth'])) {
    context.notes.add(`${path}.Auth`, 'nobody is asked who they are: the route is open to this machine');
  }
  return translate(properties, context, path).map((trigger) => ({ path, trigger }));
}

function route(event: Properties, apiProperty: string, api: string, payloadFormatVersion: '1.0' | '2.0'): Trigger {
  const method = textOf(event['Method'] ?? 'ANY').toUpperCase();
  return {
    type: 'api',
    api: textOf(event[apiProperty] ?? api),
    method: method === 'X-AMAZON-APIGATEWAY-ANY-METHOD' || method === '*' ? 'ANY' : method,
    path: textOf(event['Path'] ?? '$default'),
    payloadFormatVersion,
  };
}

function placeOf({ api, method, path }: Trigger): string {
  return `${textOf(method)} ${textOf(path)} is at /lambda-api/${textOf(api)}${path === '$default' ? '/' : textOf(path)}`;
}

function kafka(event: Properties, context: EventContext, path: string): Trigger[] {
  const topics = [event['Topics'] ?? event['Topic'] ?? []].flat();
  if (topics.length === 0) context.notes.add(path, 'it names no Topics, so nothing calls the function for it');
  const group = groupOf(event);
  return topics.map((topic) => ({ type: 'kafka', topic: textOf(topic), ...mapping(event, context, path), ...group }));
}

function groupOf(event: Properties): object {
  const id = event['ConsumerGroupId'];
  return typeof id === 'string' ? { consumerGroupId: id } : {};
}

function queue(event: Properties, context: EventContext, path: string): Trigger[] {
  const name = context.names.nameIn(event['Queue']);
  const resource = [...context.resources.values()].find(
    ({ logicalId, type }) => type === 'AWS::SQS::Queue' && context.names.nameOf(logicalId) === name,
  );
  const properties = resource === undefined ? {} : context.propertiesOf(resource);
  const seconds = Number(properties['VisibilityTimeout']);
  const policy = properties['RedrivePolicy'];
  const redrive = isRecord(policy)
    ? {
        deadLetterQueue: context.names.nameIn(policy['deadLetterTargetArn']),
        maxReceiveCount: Number(policy['maxReceiveCount'] ?? 1),
      }
    : undefined;
  const { startingPosition: _, ...rest } = mapping(event, context, path);
  const scaling = event['ScalingConfig'];
  const concurrency = isRecord(scaling) ? scaling['MaximumConcurrency'] : undefined;
  return [
    {
      type: 'queue',
      queue: name,
      ...rest,
      ...(seconds > 0 ? { visibilityTimeoutMs: seconds * 1000 } : {}),
      ...(redrive === undefined ? {} : { redrive }),
      ...(concurrency === undefined ? {} : { maximumConcurrency: Number(concurrency) }),
    },
  ];
}

/** What event source mappings of all kinds have. */
function mapping(event: Properties, { names, notes }: EventContext, path: string): Record<string, unknown> {
  const numberOf = (name: string): number | undefined => (event[name] === undefined ? undefined : Number(event[name]));
  const windowSeconds = numberOf('MaximumBatchingWindowInSeconds');
  const destination = isRecord(event['DestinationConfig']) ? event['DestinationConfig']['OnFailure'] : undefined;
  const timestamp = numberOf('StartingPositionTimestamp');
  const made: Record<string, unknown> = {
    batchSize: numberOf('BatchSize'),
    batchWindowMs: windowSeconds === undefined ? undefined : windowSeconds * 1000,
    startingPosition: event['StartingPosition'],
    startingPositionTimestamp: timestamp === undefined ? undefined : timestamp * 1000,
    parallelizationFactor: numberOf('ParallelizationFactor'),
    bisectBatchOnFunctionError: event['BisectBatchOnFunctionError'] === true || undefined,
    reportBatchItemFailures: [event['FunctionResponseTypes']].flat().includes('ReportBatchItemFailures') || undefined,
    maximumRetryAttempts: numberOf('MaximumRetryAttempts'),
    maximumRecordAgeSeconds: numberOf('MaximumRecordAgeInSeconds'),
    filters: filtersOf(event['FilterCriteria'], notes, `${path}.FilterCriteria`),
    enabled: event['Enabled'] === false ? false : undefined,
    onFailure: destinationOf(destination, names, notes, `${path}.DestinationConfig.OnFailure`, 'topic'),
  };
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined));
}

function filtersOf(criteria: unknown, notes: Notes, path: string): unknown[] | undefined {
  if (!isRecord(criteria) || !Array.isArray(criteria['Filters'])) return undefined;
  return criteria['Filters'].flatMap((filter: unknown) => {
    const pattern = isRecord(filter) ? filter['Pattern'] : undefined;
    const parsed = typeof pattern === 'string' ? parsedJson(pattern) : pattern;
    if (!isRecord(parsed)) notes.add(path, 'a filter is no JSON object, and is left out');
    return isRecord(parsed) ? [parsed] : [];
  });
}

function bucket(event: Properties, { names }: EventContext): Trigger[] {
  const kinds = [event['Events'] ?? []].flat().map((kind) => textOf(kind).replace(/^s3:/, ''));
  const key = isRecord(event['Filter']) && isRecord(event['Filter']['S3Key']) ? event['Filter']['S3Key'] : {};
  const rules = Array.isArray(key['Rules']) ? key['Rules'].filter(isRecord) : [];
  const rule = (name: string): object => {
    const found = rules.find((one) => textOf(one['Name']).toLowerCase() === name);
    return found === undefined ? {} : { [name]: textOf(found['Value']) };
  };
  const folder = names.bucketDir(names.nameIn(event['Bucket']));
  return [{ type: 'bucket', folder, events: kinds, ...rule('prefix'), ...rule('suffix') }];
}

function bus(event: Properties, { names, notes }: EventContext, path: string): Trigger[] {
  if (event['State'] === 'DISABLED' || event['Enabled'] === false) return disabled(notes, path);
  if (event['Input'] !== undefined) notes.add(`${path}.Input`, 'it is not heeded: the function gets the event itself');
  const name = event['EventBusName'] === undefined ? 'default' : names.nameIn(event['EventBusName']);
  return [{ type: 'bus', bus: name, pattern: event['Pattern'] ?? {} }];
}

function input(event: Properties, notes: Notes, path: string): object {
  const given = event['Input'];
  if (given === undefined) return {};
  const parsed = typeof given === 'string' ? parsedJson(given) : given;
  if (parsed === undefined) notes.add(`${path}.Input`, 'it is no JSON, and is left out');
  return parsed === undefined ? {} : { input: parsed };
}

function disabled(notes: Notes, path: string): Trigger[] {
  notes.add(path, 'it is disabled: nothing calls the function for it');
  return [];
}

/** undefined for what is no JSON; nothing in a template means that. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
