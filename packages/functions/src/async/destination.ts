// Where the result of an asynchronous invocation goes: to another function, to a topic, to a queue, to a bus. And what it is: AWS's
// record of the invocation.
//
//   function:NAME   called asynchronously with the record
//   kafka://TOPIC   the record as a value of the topic; after a failure with the headers of a dead letter, for redrive
//   queue:NAME      the same on topic queue.NAME
//   bus:NAME        an event of EventBridge whose detail is the record, on topic bus.NAME
//
// Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
import { string, ThroughlineError } from '@throughline/event';
import { asyncLimits, asyncTopic } from '../defaults.ts';
import { arnOf } from '../lambda/function-name.ts';
import { busArn, busTopic, placeId } from '../triggers/bus/bus-event.ts';
import type { EventOutcome } from './async-record.ts';
import type { OpenEvent } from './open-events.ts';

export type Destination =
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'bus'; readonly bus: string; readonly topic: string };

const pattern =
  /^(?:function:([A-Za-z0-9_-]{1,64})|kafka:\/\/([A-Za-z0-9._-]{1,249})|queue:([A-Za-z0-9._-]{1,243})|bus:([A-Za-z0-9._-]{1,200}))$/;

export const destinationField = string({
  pattern,
  what: 'function:<name>, kafka://<topic>, queue:<name> or bus:<name>',
});

/** @throws ThroughlineError INVALID_ARGUMENT */
export function readDestination(text: string): Destination {
  const match = pattern.exec(text);
  const [, name, topic, queue, bus] = match ?? [];
  if (name !== undefined) return { kind: 'function', name };
  if (topic !== undefined) return { kind: 'topic', topic };
  if (queue !== undefined) return { kind: 'topic', topic: `queue.${queue}` };
  if (bus !== undefined) return { kind: 'bus', bus, topic: busTopic(bus) };
  throw new ThroughlineError('INVALID_ARGUMENT', `${JSON.stringify(text)} is no destination`);
}

/** What the last invocation answered, where there was one. */
export interface Response {
  /** JSON text. */
  readonly payload: string;
  readonly isError: boolean;
}

/** AWS's record, as JSON. Event and answer stand in it as they came, with all their digits. */
export function invocationRecord(
  event: OpenEvent,
  outcome: EventOutcome & { readonly kind: 'succeeded' | 'failed' },
  requestPayload: string,
  response: Response | undefined,
  nowMs: number,
): string {
  const condition = outcome.kind === 'succeeded' ? 'Success' : outcome.condition;
  const head = JSON.stringify({
    version: '1.0',
    timestamp: new Date(nowMs).toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn: `${arnOf(event.functionName)}:$LATEST`,
      condition,
      approximateInvokeCount: outcome.attempts,
    },
  });
  const fields = [`"requestPayload":${requestPayload}`];
  if (response !== undefined) {
    const context = {
      statusCode: 200,
      executedVersion: '$LATEST',
      ...(response.isError ? { functionError: 'Unhandled' } : {}),
    };
    // A larger one would not fit into a record with the event.
    const isTooLarge = Buffer.byteLength(response.payload) > asyncLimits.responseBytesMax;
    fields.push(`"responseContext":${JSON.stringify(context)}`);
    fields.push(`"responsePayload":${isTooLarge || response.payload === '' ? 'null' : response.payload}`);
  }
  return `${head.slice(0, -1)},${fields.join(',')}}`;
}

/**
 * The event of EventBridge that a bus gets, as JSON; the record stands in it as it is. Its id is made from the place of the
 * asynchronous event, so that a result that arrives twice is known by it.
 */
export function busResult(
  { functionName, partition, offset, acceptedMs }: OpenEvent,
  bus: string,
  isSuccess: boolean,
  record: string,
  nowMs: number,
): string {
  const head = JSON.stringify({
    version: '0',
    id: placeId({ topic: asyncTopic, partition, offset, timestampMs: acceptedMs }, 'destination'),
    'detail-type': `Lambda Function Invocation Result - ${isSuccess ? 'Success' : 'Failure'}`,
    source: 'lambda',
    account: '000000000000',
    time: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    region: 'us-east-1',
    resources: [busArn(bus), `${arnOf(functionName)}:$LATEST`],
  });
  return `${head.slice(0, -1)},"detail":${record}}`;
}
