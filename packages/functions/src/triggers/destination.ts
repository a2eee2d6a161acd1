// Where a result goes, in the words of the configuration.
//
//   function:NAME   another function, called asynchronously
//   kafka://TOPIC   a topic
//   queue:NAME      topic queue.NAME
//   bus:NAME        topic bus.NAME, as an event of EventBridge
import { string, ThroughlineError } from '@throughline/event';
import { busTopic } from './bus/bus-event.ts';

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
