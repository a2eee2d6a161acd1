// Where a table takes its rows from: a topic, and how a record of it becomes something typed. Whatever does not fit is
// INVALID_EVENT: the fold skips it, counts it, and goes on.
import {
  eventFromRecord,
  fromUtf8,
  ThroughlineError,
  type EventType,
  type LogRecord,
  type Placed,
  type PlacedEvent,
  type RecordPosition,
  type RecordTime,
  type StandardSchema,
} from '@throughline/event';

/** A JSON record of a topic that does not carry our envelope. */
export interface ValueRecord<Value> {
  readonly value: Value;
  readonly key: string | null;
  readonly at: RecordPosition & RecordTime;
}

export interface TopicSource<Input> {
  readonly topic: string;
  /** What the table's code version covers of it. */
  readonly settings: unknown;
  /** The key decides the partition of a record, hence the order of a stream: see `fixedTopics` of the pipelines. */
  readonly isKeyed: boolean;
  /**
   * What `record` carries, or undefined when this table has no use for it.
   *
   * @throws ThroughlineError INVALID_EVENT
   */
  readonly decode: (record: LogRecord) => Input | undefined;
}

type EventAmong<Types extends EventType> = Extract<PlacedEvent, { type: Types }>;

/**
 * The events of a topic; all of them, or those of the types given. Every record is validated, also those left out.
 *
 * @example topic('conversations', { events: ['message-created', 'run-ended'] })
 */
export function topic(name: string): TopicSource<PlacedEvent>;
export function topic<const Types extends EventType>(
  name: string,
  options: { readonly events: readonly Types[] },
): TopicSource<EventAmong<Types>>;
/** The JSON values of a topic, each validated by a Standard Schema (zod, valibot, arktype, or one of `@throughline/event`). */
export function topic<Value>(
  name: string,
  options: { readonly schema: StandardSchema<Value> },
): TopicSource<ValueRecord<Value>>;
export function topic(
  name: string,
  options: { readonly events?: readonly EventType[]; readonly schema?: StandardSchema } = {},
): TopicSource<unknown> {
  const { events, schema } = options;
  if (schema !== undefined)
    return {
      topic: name,
      settings: { values: schema['~standard'].vendor },
      isKeyed: false,
      decode: (record) => valueOf(record, schema),
    };
  const wanted = events === undefined ? undefined : new Set<string>(events);
  return {
    topic: name,
    settings: { events: events ?? 'all' },
    isKeyed: true,
    decode: (record): Placed<PlacedEvent> | undefined => {
      const event = eventFromRecord(record);
      return wanted === undefined || wanted.has(event.type) ? event : undefined;
    },
  };
}

function valueOf<Value>(record: LogRecord, schema: StandardSchema<Value>): ValueRecord<Value> {
  const { topic, partition, offset, timestampMs, exactTimestampMs } = record;
  const invalid = (problem: string, cause?: unknown): ThroughlineError =>
    new ThroughlineError('INVALID_EVENT', `${topic}-${partition}@${offset}: ${problem}`, { cause });
  if (record.value === null) throw invalid('the value is null');
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(record.value));
  } catch (cause) {
    throw invalid('the value is no JSON', cause);
  }
  const result = schema['~standard'].validate(json);
  if (result instanceof Promise)
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `topic ${topic}: its schema is asynchronous, which a fold cannot wait for`,
    );
  if (result.issues !== undefined) throw invalid(result.issues[0]?.message ?? 'it does not fit the schema');
  const key = record.key === null ? null : fromUtf8(record.key);
  const time = exactTimestampMs === undefined ? { timestampMs } : { timestampMs, exactTimestampMs };
  return { value: result.value, key, at: { topic, partition, offset, ...time } };
}
