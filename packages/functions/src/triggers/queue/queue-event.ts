// The shape of Amazon SQS's events: a record of the topic `queue.<name>` is a message.
//
//   value    the body, as text                 headers  messageAttributes: String, or Binary where they are no UTF-8
//   key      MessageGroupId                    place    messageId: the same for every receive, also after a restart
//
// Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS"; judged by the schemas of Powertools.
import { createHash } from 'node:crypto';
import { fromUtf8, isTooDeep, type LogRecord } from '@throughline/event';
import { compilePattern } from '../event-pattern.ts';
import { namedUuid } from '../named-uuid.ts';

const region = 'us-east-1';
const account = '000000000000';

/** AWS's name of a queue. */
export function queueArn(queue: string): string {
  return `arn:aws:sqs:${region}:${account}:${queue}`;
}

export interface Receipt {
  /** How often it was received, this time included. */
  readonly count: number;
  /** When it was received for the first time, on the wall clock. */
  readonly firstMs: number;
}

/** The id of a message: whoever makes it again has the same. */
export function messageIdOf(topicId: string, { partition, offset }: LogRecord): string {
  return namedUuid(`${topicId}\n${partition}\n${offset}`);
}

/** One message as JSON. */
export function messageJson(queue: string, topicId: string, record: LogRecord, receipt: Receipt): string {
  const { key, value, headers, timestampMs, partition, offset } = record;
  const body = value ?? new Uint8Array();
  return JSON.stringify({
    messageId: messageIdOf(topicId, record),
    receiptHandle: Buffer.from(`${queue}/${partition}/${offset}/${receipt.count}`).toString('base64'),
    body: fromUtf8(body),
    attributes: {
      ApproximateReceiveCount: String(receipt.count),
      SentTimestamp: String(timestampMs),
      SenderId: account,
      ApproximateFirstReceiveTimestamp: String(receipt.firstMs),
      ...(key === null ? {} : { MessageGroupId: fromUtf8(key) }),
    },
    messageAttributes: Object.fromEntries(headers.map((header) => [header.key, attributeOf(header.value)])),
    md5OfBody: createHash('md5').update(body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn(queue),
    awsRegion: region,
  });
}

function attributeOf(value: Uint8Array | null): object {
  const bytes = Buffer.from(value ?? []);
  const lists = { stringListValues: [], binaryListValues: [] };
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return { stringValue: text, ...lists, dataType: 'String' };
  return { binaryValue: bytes.toString('base64'), ...lists, dataType: 'Binary' };
}

/** Whether a message is handed on: one of the filters matches it. A body that is JSON is looked into, else it is text. */
export function compileQueueFilters(filters: readonly unknown[]): ((record: LogRecord) => boolean) | undefined {
  if (filters.length === 0) return undefined;
  const patterns = filters.map((filter, index) => compilePattern(filter, `filters[${index}]`));
  return ({ key, value, headers, timestampMs }) => {
    const view = {
      body: decoded(value),
      attributes: { SentTimestamp: String(timestampMs), ...(key === null ? {} : { MessageGroupId: fromUtf8(key) }) },
      messageAttributes: Object.fromEntries(headers.map((header) => [header.key, attributeOf(header.value)])),
    };
    return patterns.some((matches) => matches(view));
  };
}

function decoded(bytes: Uint8Array | null): unknown {
  const text = bytes === null ? '' : fromUtf8(bytes);
  try {
    const value = JSON.parse(text) as unknown;
    return isTooDeep(value, text.length) ? text : value;
  } catch {
    // Most bodies are JSON; any other text is what it is.
    return text;
  }
}
