// An event that is on the log, as JSON text over HTTP: the same fields, with the offset as a decimal string,
// and the timestamp as one where a JSON number would not be exact.
//   {"type","id","stream","run"?,"attempt"?,"seq"?,"epoch"?,"actor"?,"payload","at":{"topic","partition","offset","timestampMs"}}
import { narrowEvent, type PlacedEvent } from './events.ts';
import type { Placed, RawEvent } from './envelope.ts';
import { timestampJson } from './instant.ts';
import { either, number, object, optional, parse, string, unknown } from './schema.ts';

const whole = number({ min: 0, integer: true });
const jsonSchema = object({
  type: string(),
  id: string(),
  stream: string(),
  run: optional(string()),
  attempt: optional(whole),
  seq: optional(whole),
  epoch: optional(whole),
  actor: optional(string()),
  payload: unknown(),
  at: object({
    topic: string(),
    partition: whole,
    offset: string({ pattern: /^\d{1,19}$/ }),
    timestampMs: either(number(), string({ pattern: /^-?\d{1,19}$/ })),
  }),
});

/** A JSON value for `event`; `eventFromJson` is its inverse. */
export function eventToJson(event: Placed<RawEvent>): unknown {
  const { exactTimestampMs: _, ...at } = event.at;
  return { ...event, at: { ...at, offset: String(at.offset), timestampMs: timestampJson(event.at) } };
}

/**
 * The event that a JSON value of `eventToJson` stands for.
 *
 * @throws ThroughlineError INVALID_EVENT
 */
export function eventFromJson(value: unknown): PlacedEvent {
  const { at, ...rest } = parse(jsonSchema, value, 'INVALID_EVENT');
  const time =
    typeof at.timestampMs === 'number'
      ? { timestampMs: at.timestampMs }
      : { timestampMs: Number(at.timestampMs), exactTimestampMs: BigInt(at.timestampMs) };
  return narrowEvent({ ...rest, at: { ...at, offset: BigInt(at.offset), ...time } });
}
