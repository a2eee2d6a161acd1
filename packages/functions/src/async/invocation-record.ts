// What a destination gets of an asynchronous invocation: AWS's record of it. A bus gets it as the detail of an event of EventBridge.
// Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
import { asyncLimits, asyncTopic } from '../defaults.ts';
import { arnOf } from '../lambda/function-name.ts';
import { busArn, placeId } from '../triggers/bus/bus-event.ts';
import type { EventOutcome } from './async-record.ts';
import type { OpenEvent } from './open-events.ts';

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
