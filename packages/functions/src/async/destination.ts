// Where the result of an asynchronous invocation goes: to another function, to a topic, to a queue. And what it is: AWS's record of
// the invocation.
//
//   function:NAME   called asynchronously with the record
//   kafka://TOPIC   the record as a value of the topic; after a failure with the headers of a dead letter, for redrive
//   queue:NAME      the same on topic queue.NAME
//
// Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
import { string, ThroughlineError } from '@throughline/event';
import { asyncLimits } from '../defaults.ts';
import { arnOf } from '../lambda/function-name.ts';
import type { EventOutcome } from './async-record.ts';
import type { OpenEvent } from './open-events.ts';

export type Destination =
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'topic'; readonly topic: string };

const pattern = /^(?:function:([A-Za-z0-9_-]{1,64})|kafka:\/\/([A-Za-z0-9._-]{1,249})|queue:([A-Za-z0-9._-]{1,243}))$/;

export const destinationField = string({
  pattern: /^(?:function:[A-Za-z0-9_-]{1,64}|(?:kafka:\/\/|queue:|bus:)[A-Za-z0-9._-]{1,249})$/,
  what: 'function:<name>, kafka://<topic> or queue:<name>',
});

/** @throws ThroughlineError NOT_BUILT_YET for a bus, INVALID_ARGUMENT */
export function readDestination(text: string): Destination {
  if (text.startsWith('bus:'))
    throw new ThroughlineError('NOT_BUILT_YET', `${text}: a bus as a destination comes later`);
  const match = pattern.exec(text);
  const [, name, topic, queue] = match ?? [];
  if (name !== undefined) return { kind: 'function', name };
  if (topic !== undefined) return { kind: 'topic', topic };
  if (queue !== undefined) return { kind: 'topic', topic: `queue.${queue}` };
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
