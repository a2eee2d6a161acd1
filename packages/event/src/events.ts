// The typed union of all events, and the one way from a record to a validated event.
import { conversationSchemas } from './conversation-events.ts';
import { fromRecord, type EventHeaders, type Placed, type RawEvent } from './envelope.ts';
import { ThroughlineError } from './errors.ts';
import type { LogRecord } from './record.ts';
import { runSchemas } from './run-events.ts';
import type { OutputOf, Schema } from './schema.ts';

export const eventSchemas = { ...conversationSchemas, ...runSchemas } as const;
export type EventType = keyof typeof eventSchemas;
export type PayloadOf<T extends EventType> = OutputOf<(typeof eventSchemas)[T]>;

type RunHeaders = { readonly run: string };
type AttemptHeaders = RunHeaders & { readonly attempt: number };
/** Which numbers of the envelope an event type must carry. */
interface RequiredHeaders {
  'run-requested': RunHeaders;
  'stop-requested': RunHeaders;
  'tool-approval-answered': RunHeaders;
  'tool-output': RunHeaders;
  'attempt-started': AttemptHeaders;
  'lease-renewed': AttemptHeaders;
  chunk: AttemptHeaders & { readonly seq: number };
  'tool-approval-requested': AttemptHeaders;
  /** A run that never started an attempt ends with attempt 0. */
  'run-ended': AttemptHeaders;
}
const requiredHeaders: Readonly<Record<string, readonly ('run' | 'attempt' | 'seq')[]>> = {
  'run-requested': ['run'],
  'stop-requested': ['run'],
  'tool-approval-answered': ['run'],
  'tool-output': ['run'],
  'attempt-started': ['run', 'attempt'],
  'lease-renewed': ['run', 'attempt'],
  chunk: ['run', 'attempt', 'seq'],
  'tool-approval-requested': ['run', 'attempt'],
  'run-ended': ['run', 'attempt'],
};

/** An event of type T: its envelope and its payload. */
export type EventOf<T extends EventType> = EventHeaders &
  (T extends keyof RequiredHeaders ? RequiredHeaders[T] : unknown) & {
    readonly type: T;
    readonly payload: PayloadOf<T>;
  };
/** Any event, told apart by `type`. */
export type ThroughlineEvent = { [T in EventType]: EventOf<T> }[EventType];
/** Any event that is on the log. */
export type PlacedEvent = Placed<ThroughlineEvent>;

/** Tells whether `type` is an event type of this version. Others are skipped by folds, and counted. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(eventSchemas, type);
}

/**
 * Narrows a raw event to the typed union.
 *
 * @throws ThroughlineError INVALID_EVENT when the type is unknown, a header is missing or the payload does not fit
 */
export function narrowEvent<E extends RawEvent>(event: E): E & ThroughlineEvent {
  if (!isEventType(event.type))
    throw new ThroughlineError('INVALID_EVENT', `unknown event type ${JSON.stringify(event.type)}`);
  for (const name of requiredHeaders[event.type] ?? []) {
    if (event[name] === undefined)
      throw new ThroughlineError('INVALID_EVENT', `${event.type}: the header tl-${name} is missing`);
  }
  const problem = (eventSchemas[event.type] as Schema<unknown>).problem(event.payload, '');
  if (problem !== undefined) throw new ThroughlineError('INVALID_EVENT', `${event.type}: ${problem}`);
  return event as E & ThroughlineEvent;
}

/**
 * Narrows an event that a request brings: unlike one that is read from the log, which a newer writer may have written, its
 * payload has nothing in it that its type does not know.
 *
 * @throws ThroughlineError INVALID_EVENT as `narrowEvent`, and for an unknown field of the payload
 */
export function narrowNewEvent<E extends RawEvent>(event: E): E & ThroughlineEvent {
  const narrowed = narrowEvent(event);
  const extra = (eventSchemas[narrowed.type] as Schema<unknown>).extra(event.payload, '');
  if (extra === undefined) return narrowed;
  throw new ThroughlineError('INVALID_EVENT', `${event.type}: ${extra}: there is no such field`);
}

/**
 * The validated event that a record carries.
 *
 * @throws ThroughlineError INVALID_EVENT; a fold skips such a record and counts it
 */
export function eventFromRecord(record: LogRecord): PlacedEvent {
  return narrowEvent(fromRecord(record));
}
