// The two shapes of AWS's events for batches of a topic: Kafka's and Kinesis's. All else about a mapping is the same for both.
//
// They are put together as text: base64 and numbers need no escaping, and a batch has up to 10,000 records.
// Source: AWS Lambda developer guide, "Using Lambda with self-managed Apache Kafka" and "Process Amazon Kinesis Data Streams
// records"; judged by the schemas of Powertools.
import { fromUtf8, type LogRecord } from '@throughline/event';

export interface EventShape {
  /** Bytes that a record takes in an event, and no fewer. */
  bytesOf(record: LogRecord): number;
  /** An event with these records, of one partition, as JSON. */
  event(records: readonly LogRecord[]): string;
  /** Which record an `itemIdentifier` of `batchItemFailures` means, by its offset; undefined where it means none. */
  offsetOf(itemIdentifier: unknown, first: LogRecord): bigint | undefined;
}

/** Bytes around the records of an event. */
export const envelopeBytes = 4096;

export function kafkaShape(bootstrapServers: string): EventShape {
  const head = `{"eventSource":"SelfManagedKafka","bootstrapServers":${JSON.stringify(bootstrapServers)},"records":{`;
  return {
    bytesOf({ topic, key, value, headers }) {
      // Each byte of a header is a number of up to three digits and a comma.
      const headerBytes = headers.reduce(
        (sum, header) => sum + 6 * header.key.length + 4 * lengthOf(header.value) + 16,
        0,
      );
      return 160 + topic.length + base64Length(key) + base64Length(value) + headerBytes;
    },
    event(records) {
      const { topic, partition } = records[0]!;
      const name = JSON.stringify(`${topic}-${partition}`);
      const start = `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":`;
      return `${head}${name}:[${records.map((record) => start + kafkaRecord(record)).join(',')}]}}`;
    },
    offsetOf(itemIdentifier, { topic, partition }) {
      if (typeof itemIdentifier !== 'object' || itemIdentifier === null) return undefined;
      const { partition: named, offset } = itemIdentifier as Readonly<Record<string, unknown>>;
      if (named !== `${topic}-${partition}` || !Number.isSafeInteger(offset)) return undefined;
      return BigInt(offset as number);
    },
  };
}

function kafkaRecord({ offset, timestampMs, key, value, headers }: LogRecord): string {
  const keyJson = key === null ? '' : `,"key":"${base64(key)}"`;
  const valueJson = value === null ? '' : `,"value":"${base64(value)}"`;
  const headersJson = headers.map((header) => `{${JSON.stringify(header.key)}:[${header.value?.join(',') ?? ''}]}`);
  // The log does not say whose time it is; a producer's is what it is unless a topic was set otherwise.
  return `${offset},"timestamp":${timestampMs},"timestampType":"CREATE_TIME"${keyJson}${valueJson},"headers":[${headersJson.join(',')}]}`;
}

const region = 'us-east-1';
const account = '000000000000';

/** AWS's name for a topic that is read as a stream. */
export function streamArn(topic: string): string {
  return `arn:aws:kinesis:${region}:${account}:stream/${topic}`;
}

export const kinesisShape: EventShape = {
  bytesOf({ topic, key, value }) {
    return 480 + topic.length + 6 * lengthOf(key) + base64Length(value);
  },
  event(records) {
    const { topic, partition } = records[0]!;
    const shardId = `shardId-${String(partition).padStart(12, '0')}`;
    const tail = `,"eventSource":"aws:kinesis","eventVersion":"1.0","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::${account}:role/throughline","awsRegion":"${region}","eventSourceARN":${JSON.stringify(streamArn(topic))}}`;
    const each = ({ offset, timestampMs, key, value }: LogRecord): string => {
      const seq = sequenceOf(partition, offset);
      const partitionKey = JSON.stringify(key === null ? '' : fromUtf8(key));
      const data = value === null ? '' : base64(value);
      return `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":${partitionKey},"sequenceNumber":"${seq}","data":"${data}","approximateArrivalTimestamp":${timestampMs / 1000}},"eventID":"${shardId}:${seq}"${tail}`;
    };
    return `{"Records":[${records.map(each).join(',')}]}`;
  },
  offsetOf(itemIdentifier, { partition }) {
    if (typeof itemIdentifier !== 'string' || !/^1\d{30}$/.test(itemIdentifier)) return undefined;
    if (itemIdentifier.slice(1, 11) !== String(partition).padStart(10, '0')) return undefined;
    return BigInt(itemIdentifier.slice(11));
  },
};

/** Kinesis's sequence number of a record: a decimal that grows along a partition, with both in it. */
export function sequenceOf(partition: number, offset: bigint): string {
  return `1${String(partition).padStart(10, '0')}${String(offset).padStart(20, '0')}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function base64Length(bytes: Uint8Array | null): number {
  return Math.ceil(lengthOf(bytes) / 3) * 4;
}

function lengthOf(bytes: Uint8Array | null): number {
  return bytes?.length ?? 0;
}
