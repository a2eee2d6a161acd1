// An event that is on the log, as JSON text over HTTP: the same fields, with the offset as a decimal string.
//   {"type","id","stream","run"?,"attempt"?,"seq"?,"epoch"?,"actor"?,"payload","at":{"topic","partition","offset","timestampMs"}}
import { narrowEvent, type PlacedEvent } from './events.ts';
import type { Placed, RawEvent } from './envelope.ts';
import { number, object, optional, parse, string, unknown } from './schema.ts';

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
  at: object({ topic: string(), partition: whole, offset: string({ pattern: /^\d{1,19}$/ }), timestampMs: number() }),
});

/** A JSON value for `event`; `eventFromJson` is its inverse. */
export function eventToJson(event: Placed<RawEvent>): unknown {
  return { ...event, at: { ...event.at, offset: String(event.at.offset) } };
}

/**
 * The event that a JSON value of `eventToJson` stands for.
 *
 * @throws ThroughlineError INVALID_EVENT
 */
export function eventFromJson(value: unknown): PlacedEvent {
  const { at, ...rest } = parse(jsonSchema, value, 'INVALID_EVENT');
  return narrowEvent({ ...rest, at: { ...at, offset: BigInt(at.offset) } });
}
