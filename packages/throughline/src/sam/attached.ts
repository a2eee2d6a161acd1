// Events that a template attaches to a function by a resource of its own, as plain CloudFormation does it, in the form that
// they have below a function's `Events`.
// Source: AWS CloudFormation template reference (AWS::Lambda::EventSourceMapping, AWS::Lambda::Url, AWS::Events::Rule,
// AWS::S3::Bucket NotificationConfiguration).
import type { EventContext } from './events.ts';
import type { Resource } from './resource-names.ts';
import { isRecord, textOf } from './template-text.ts';

export interface AttachedEvent {
  readonly functionId: string;
  readonly type: string;
  readonly properties: Record<string, unknown>;
  readonly path: string;
}

/** The events that a resource attaches to functions; undefined for one that is nothing of the kind. */
export function attachedEvents(resource: Resource, context: EventContext): AttachedEvent[] | undefined {
  const read = readers[resource.type];
  if (read === undefined) return undefined;
  return read(context.propertiesOf(resource), context, `Resources.${resource.logicalId}.Properties`);
}

type Read = (properties: Record<string, unknown>, context: EventContext, path: string) => AttachedEvent[];

const readers: Readonly<Record<string, Read>> = {
  'AWS::Lambda::EventSourceMapping': (properties, { names, notes }, path) => {
    const { FunctionName: functionName, EventSourceArn: source, ...rest } = properties;
    const functionId = names.nameIn(functionName);
    const service = textOf(source ?? '').split(':')[2] ?? '';
    if (service === 'sqs') return [{ functionId, type: 'SQS', properties: { ...rest, Queue: source }, path }];
    if (service === 'kinesis') return [{ functionId, type: 'Kinesis', properties: { ...rest, Stream: source }, path }];
    const { SelfManagedEventSource: _, AmazonManagedKafkaEventSourceConfig: managed, ...kafka } = rest;
    const own = properties['SelfManagedKafkaEventSourceConfig'] ?? managed;
    const group = isRecord(own) ? { ConsumerGroupId: own['ConsumerGroupId'] } : {};
    if (kafka['Topics'] !== undefined) return [{ functionId, type: 'MSK', properties: { ...kafka, ...group }, path }];
    notes.add(path, `${textOf(source)} is no source of events here; nothing calls ${functionId} for it`);
    return [];
  },
  'AWS::Events::Rule': (properties, { names, notes }, path) => {
    const { Targets: targets, EventPattern: pattern, ScheduleExpression: schedule, ...rest } = properties;
    return (Array.isArray(targets) ? targets.filter(isRecord) : []).flatMap((target): AttachedEvent[] => {
      if (!textOf(target['Arn']).includes(':lambda:')) {
        notes.add(`${path}.Targets`, `${textOf(target['Arn'])} is no function here, and gets nothing`);
        return [];
      }
      const functionId = names.nameIn(target['Arn']);
      const input = target['Input'] === undefined ? {} : { Input: target['Input'] };
      const shared = { ...Object.fromEntries(['EventBusName', 'State'].map((name) => [name, rest[name]])), ...input };
      if (schedule !== undefined) {
        const properties = { Schedule: schedule, State: rest['State'], ...input };
        return [{ functionId, type: 'Schedule', properties, path }];
      }
      return [{ functionId, type: 'EventBridgeRule', properties: { ...shared, Pattern: pattern }, path }];
    });
  },
  'AWS::S3::Bucket': (properties, { names }, path) => {
    const notifications = properties['NotificationConfiguration'];
    const configured = isRecord(notifications) ? notifications['LambdaConfigurations'] : undefined;
    return (Array.isArray(configured) ? configured.filter(isRecord) : []).map((one) => {
      const filter = isRecord(one['Filter']) ? { Filter: one['Filter'] } : {};
      const bucket = properties['BucketName'];
      return {
        functionId: names.nameIn(one['Function']),
        type: 'S3',
        properties: { Bucket: bucket, Events: one['Event'], ...filter },
        path: `${path}.NotificationConfiguration`,
      };
    });
  },
};
