// The records of topic `_throughline.async` (docs/PROTOCOL.md has them in words): an event that was accepted, and behind it, in the
// same partition, what became of it.
//
//   key     the id of the event
//   value   accepted: the event itself, as JSON; otherwise { "event": "<offset of the accepted record>", … } as JSON
//   headers throughline-kind: accepted | retried | delayed | succeeded | failed; an accepted one says more in headers
//
// An event is a record of its own with nothing around it, so that its digits stay as they came and any tool can read it.
import {
  fromUtf8,
  literal,
  number,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  utf8,
  type LogRecord,
  type ProducerRecord,
} from '@throughline/event';

export const asyncHeaders = {
  kind: 'throughline-kind',
  functionName: 'throughline-function',
  origin: 'throughline-origin',
  requestId: 'throughline-request-id',
  /** How many destinations have led to it, one after the other. */
  hops: 'throughline-hops',
} as const;

export interface AcceptedEvent {
  readonly kind: 'accepted';
  readonly id: string;
  readonly functionName: string;
  readonly origin: string;
  /** Lambda's request id, the same in every attempt. */
  readonly requestId: string;
  readonly hops: number;
  readonly body: Uint8Array;
}

export type EventOutcome = { readonly id: string; readonly event: bigint } & (
  | {
      /** The function has failed and is called again: `attempts` have failed so far. */
      readonly kind: 'retried';
      readonly attempts: number;
      readonly dueMs: number;
      readonly error: OutcomeError;
    }
  | {
      /** It was not called, and nothing of that was its fault; `delays` times so far. */
      readonly kind: 'delayed';
      readonly delays: number;
      readonly dueMs: number;
      readonly error: OutcomeError;
    }
  | { readonly kind: 'succeeded'; readonly attempts: number }
  | {
      readonly kind: 'failed';
      readonly attempts: number;
      readonly condition: FailureCondition;
      readonly error: OutcomeError;
    }
);

export type FailureCondition = 'RetriesExhausted' | 'EventAgeExceeded';

export interface OutcomeError {
  readonly code: string;
  readonly type: string;
  readonly message: string;
}

const count = number({ min: 0, integer: true });
const outcomeSchema = object({
  event: string({ pattern: /^\d{1,19}$/, what: 'an offset' }),
  attempts: optional(count),
  delays: optional(count),
  dueMs: optional(number({ min: 0 })),
  condition: optional(literal('RetriesExhausted', 'EventAgeExceeded')),
  error: optional(object({ code: string(), type: string(), message: string() })),
});
const noError: OutcomeError = { code: 'INTERNAL', type: '', message: '' };

export function acceptedRecord(event: Omit<AcceptedEvent, 'kind'>): ProducerRecord {
  const { id, functionName, origin, requestId, hops, body } = event;
  const fields: Record<keyof typeof asyncHeaders, string> = {
    kind: 'accepted',
    functionName,
    origin,
    requestId,
    hops: String(hops),
  };
  return {
    key: utf8(id),
    value: body,
    headers: Object.entries(fields).map(([field, text]) => ({
      key: asyncHeaders[field as keyof typeof asyncHeaders],
      value: utf8(text),
    })),
  };
}

export function outcomeRecord(outcome: EventOutcome, partition: number): ProducerRecord {
  const { id, kind, event, ...rest } = outcome;
  return {
    key: utf8(id),
    value: utf8(JSON.stringify({ event: String(event), ...rest })),
    headers: [{ key: asyncHeaders.kind, value: utf8(kind) }],
    partition,
  };
}

/** @throws ThroughlineError INVALID_EVENT for a record that is none of these */
export function readAsyncRecord(record: LogRecord): AcceptedEvent | EventOutcome {
  const { key, value } = record;
  if (key === null || value === null) throw invalid('it has no key or no value');
  const id = fromUtf8(key);
  const kind = headerOf(record, 'kind');
  if (kind === 'accepted') {
    return {
      kind,
      id,
      functionName: needed(record, 'functionName'),
      requestId: needed(record, 'requestId'),
      origin: headerOf(record, 'origin') ?? '',
      hops: countOf(headerOf(record, 'hops')),
      body: value,
    };
  }
  const {
    event,
    attempts = 0,
    delays = 0,
    dueMs = 0,
    condition,
    error = noError,
  } = parse(outcomeSchema, jsonOf(value), 'INVALID_EVENT');
  const what = { id, event: BigInt(event) };
  switch (kind) {
    case 'retried':
      return { ...what, kind, attempts, dueMs, error };
    case 'delayed':
      return { ...what, kind, delays, dueMs, error };
    case 'succeeded':
      return { ...what, kind, attempts };
    case 'failed':
      return { ...what, kind, attempts, condition: condition ?? 'RetriesExhausted', error };
    default:
      throw invalid(`${asyncHeaders.kind} is ${JSON.stringify(kind)}`);
  }
}

function jsonOf(value: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(value));
  } catch (cause) {
    throw new ThroughlineError('INVALID_EVENT', 'the value is no JSON', { cause });
  }
}

function headerOf({ headers }: LogRecord, name: keyof typeof asyncHeaders): string | undefined {
  const value = headers.find(({ key }) => key === asyncHeaders[name])?.value;
  return value === undefined || value === null ? undefined : fromUtf8(value);
}

function needed(record: LogRecord, name: keyof typeof asyncHeaders): string {
  const text = headerOf(record, name);
  if (text === undefined || text === '') throw invalid(`it has no ${asyncHeaders[name]}`);
  return text;
}

function countOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 0;
}

function invalid(what: string): ThroughlineError {
  return new ThroughlineError('INVALID_EVENT', `no record of asynchronous invocations: ${what}`);
}
