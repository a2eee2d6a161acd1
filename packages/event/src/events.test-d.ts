// Types only; `npm run typecheck` is what runs it.
import { expectTypeOf } from 'expect-type';
import type {
  EventOf,
  EventType,
  OutputOf,
  PayloadOf,
  Placed,
  PlacedEvent,
  Schema,
  StandardSchema,
  ThroughlineEvent,
} from './index.ts';
import { array, literal, nullable, object, optional, string } from './index.ts';

// `type` tells the union apart, and each member knows its payload and the numbers that it carries.
declare const event: ThroughlineEvent;
if (event.type === 'chunk') {
  expectTypeOf(event).toEqualTypeOf<EventOf<'chunk'>>();
  expectTypeOf(event.run).toEqualTypeOf<string>();
  expectTypeOf(event.attempt).toEqualTypeOf<number>();
  expectTypeOf(event.seq).toEqualTypeOf<number>();
  expectTypeOf(event.payload.chunks).toEqualTypeOf<Record<string, unknown>[]>();
}
if (event.type === 'message-created') {
  expectTypeOf(event.payload.role).toEqualTypeOf<'system' | 'user' | 'assistant'>();
  expectTypeOf(event.payload.parentId).toEqualTypeOf<string | null>();
  // It belongs to no run: what it has there may be absent.
  expectTypeOf(event.run).toEqualTypeOf<string | undefined>();
}
expectTypeOf<ThroughlineEvent['type']>().toEqualTypeOf<EventType>();
expectTypeOf<PayloadOf<'run-ended'>['outcome']>().toEqualTypeOf<'done' | 'stopped' | 'failed' | 'superseded'>();

declare const placed: PlacedEvent;
expectTypeOf(placed.at.offset).toEqualTypeOf<bigint>();
expectTypeOf<Placed<EventOf<'chunk'>>>().toExtend<PlacedEvent>();
// An event that is not on the log yet has no position.
expectTypeOf<ThroughlineEvent>().not.toExtend<PlacedEvent>();

const person = object({ name: string(), mood: nullable(literal('good', 'bad')), tags: optional(array(string())) });
expectTypeOf<OutputOf<typeof person>>().toEqualTypeOf<
  { name: string; mood: 'good' | 'bad' | null } & { tags?: string[] }
>();
expectTypeOf<Schema<string>>().toExtend<StandardSchema<string>>();
