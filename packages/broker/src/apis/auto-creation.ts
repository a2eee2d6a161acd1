// Topics that come to be because a client asked for their metadata (Kafka's AutoTopicCreationManager). The client is told
// that there is no such topic yet and asks again; by then it is made.
import { ThroughlineError } from '@throughline/event';
import type { Broker } from '../topics/broker.ts';
import { autoCreationCountMax } from '../defaults.ts';
import type { Services } from './services.ts';
import { isInternalTopic } from '../ground/topic-name.ts';

/** Names under way. */
const pending = new WeakMap<Broker, Set<string>>();

/** Begins to make a topic of a valid name, unless that is under way or not wanted. */
export function autoCreate({ broker, logger }: Services, topic: string): void {
  if (!broker.configs.boolean('auto.create.topics.enable')) return;
  const underWay = pendingOf(broker);
  // Internal topics are made by whoever needs them, with what he needs them to be.
  if (underWay.has(topic) || underWay.size >= autoCreationCountMax || isInternalTopic(topic)) return;
  underWay.add(topic);
  broker
    .createTopic(topic, { partitions: broker.configs.integer('num.partitions'), settings: new Map() })
    .catch((error: unknown) => {
      if (ThroughlineError.is(error, 'TOPIC_EXISTS')) return;
      logger.warn({ topic, error }, 'a topic that a client asked for could not be made');
    })
    .finally(() => underWay.delete(topic));
}

function pendingOf(broker: Broker): Set<string> {
  let names = pending.get(broker);
  if (names === undefined) pending.set(broker, (names = new Set()));
  return names;
}
