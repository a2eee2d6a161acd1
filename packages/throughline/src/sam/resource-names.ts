// The local name of each resource, and what `Ref` and `GetAtt` give for it: a queue is topic `queue.NAME`, a stream is topic
// NAME, a bucket is a folder below the data folder, a function has its logical id. AWS's own forms (ARNs) have the made-up
// account and region that everything here has.
import path from 'node:path';
import { account, region, type Intrinsics, type ResourceNames } from './intrinsics.ts';
import { isRecord, textOf } from './template-text.ts';

export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  /** As they stand in the template. */
  readonly properties: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

export const functionTypes: readonly string[] = ['AWS::Serverless::Function', 'AWS::Lambda::Function'];

/** The property that names a resource, and the service and kind in its ARN. */
const named: Readonly<Record<string, readonly [property: string, arn: (name: string) => string]>> = {
  'AWS::SQS::Queue': ['QueueName', (name) => arn('sqs', name)],
  'AWS::S3::Bucket': ['BucketName', (name) => `arn:aws:s3:::${name}`],
  'AWS::Events::EventBus': ['Name', (name) => arn('events', `event-bus/${name}`)],
  'AWS::Kinesis::Stream': ['Name', (name) => arn('kinesis', `stream/${name}`)],
  'AWS::DynamoDB::Table': ['TableName', (name) => arn('dynamodb', `table/${name}`)],
  'AWS::DynamoDB::GlobalTable': ['TableName', (name) => arn('dynamodb', `table/${name}`)],
  'AWS::Serverless::SimpleTable': ['TableName', (name) => arn('dynamodb', `table/${name}`)],
  'AWS::SNS::Topic': ['TopicName', (name) => arn('sns', name)],
  'AWS::MSK::Cluster': ['ClusterName', (name) => arn('kafka', `cluster/${name}/local`)],
};

export class LocalNames implements ResourceNames {
  readonly #resources: ReadonlyMap<string, Resource>;
  readonly #dataDir: string;
  #intrinsics: Intrinsics | undefined;

  constructor(resources: ReadonlyMap<string, Resource>, dataDir: string) {
    this.#resources = resources;
    this.#dataDir = dataDir;
  }

  /** Names are computed, and computing needs names: whoever has made both says so. */
  computeWith(intrinsics: Intrinsics): void {
    this.#intrinsics = intrinsics;
  }

  ref(logicalId: string): string | undefined {
    const resource = this.#resources.get(logicalId);
    // Names that SAM makes up of its own: the API of events that name none, roles of functions.
    if (resource === undefined) return /^Serverless(?:Rest|Http)Api$/.test(logicalId) ? logicalId : undefined;
    const name = this.nameOf(logicalId);
    if (resource.type === 'AWS::SQS::Queue') return `queue.${name}`;
    if (resource.type === 'AWS::SNS::Topic' || resource.type === 'AWS::MSK::Cluster') return this.#arn(resource);
    return name;
  }

  attribute(logicalId: string, attribute: string): string | undefined {
    const resource = this.#resources.get(logicalId);
    if (resource === undefined) return undefined;
    if (attribute === 'Arn' || attribute === 'TopicArn') return this.#arn(resource);
    const name = this.nameOf(logicalId);
    if (attribute === 'QueueUrl') return `queue.${name}`;
    if (attribute === 'QueueName' || attribute === 'Name' || attribute === 'TopicName') return name;
    return undefined;
  }

  /** The name that it has; its logical id where the template gives it none. */
  nameOf(logicalId: string): string {
    const resource = this.#resources.get(logicalId);
    const [property] = named[resource?.type ?? ''] ?? [];
    const given = property === undefined ? undefined : resource?.properties[property];
    if (given === undefined || this.#intrinsics === undefined) return logicalId;
    const name = this.#intrinsics.resolve(given, `Resources.${logicalId}.Properties.${property}`);
    return typeof name === 'string' && name !== '' ? name : logicalId;
  }

  /** What an ARN, a `Ref` or a plain name means: the name in it. */
  nameIn(value: unknown): string {
    const text = textOf(value);
    // arn:aws:kinesis:us-east-1:000000000000:stream/NAME; ARNs of EventBridge and SQS likewise.
    const last = text.startsWith('arn:') ? text.split(':').slice(5).join(':') : text;
    return last.replace(/^(?:stream|event-bus|table|function)[/:]/, '').replace(/^queue\./, '');
  }

  bucketDir(name: string): string {
    return path.join(this.#dataDir, 'buckets', path.basename(name) || 'bucket');
  }

  #arn({ logicalId, type }: Resource): string | undefined {
    if (functionTypes.includes(type)) return arn('lambda', `function:${logicalId}`);
    return named[type]?.[1](this.nameOf(logicalId));
  }
}

function arn(service: string, rest: string): string {
  return `arn:aws:${service}:${region}:${account}:${rest}`;
}

/** The resources of a template, by logical id. */
export function resourcesOf(template: Record<string, unknown>): Map<string, Resource> {
  const found = new Map<string, Resource>();
  for (const [logicalId, value] of Object.entries(template['Resources'] as Record<string, unknown>)) {
    if (!isRecord(value)) continue;
    const part = (name: string): Record<string, unknown> => {
      const inner = value[name];
      return isRecord(inner) ? inner : {};
    };
    const type = textOf(value['Type'] ?? '');
    found.set(logicalId, { logicalId, type, properties: part('Properties'), metadata: part('Metadata') });
  }
  return found;
}
