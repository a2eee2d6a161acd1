// The topics that are open, with their partitions, by name and by id.
import { ThroughlineError } from '@throughline/event';
import type { TopicMetadata } from './broker.ts';
import type { Partition } from '../storage/partition-log.ts';

export interface Topic {
  readonly metadata: TopicMetadata;
  readonly partitions: readonly Partition[];
}

export class Topics {
  readonly #byName = new Map<string, Topic>();
  readonly #byId = new Map<string, Topic>();
  /** Undefined after a change. */
  #partitions: readonly Partition[] | undefined;

  /** Lets a topic in, or replaces the one of this name. */
  set(topic: Topic): void {
    this.#byName.set(topic.metadata.topic, topic);
    this.#byId.set(topic.metadata.topicId, topic);
    this.#partitions = undefined;
  }

  delete({ topic, topicId }: TopicMetadata): void {
    this.#byName.delete(topic);
    this.#byId.delete(topicId);
    this.#partitions = undefined;
  }

  find(topic: string): Topic | undefined {
    return this.#byName.get(topic);
  }

  findById(topicId: string): Topic | undefined {
    return this.#byId.get(topicId);
  }

  /** @throws ThroughlineError UNKNOWN_TOPIC */
  get(topic: string): Topic {
    const found = this.#byName.get(topic);
    if (found === undefined) throw unknownTopic(`topic ${topic}`);
    return found;
  }

  /** @throws ThroughlineError UNKNOWN_TOPIC */
  partition(topic: string, partition: number): Partition {
    const found = this.get(topic).partitions[partition];
    if (found === undefined) throw unknownTopic(`partition ${partition} of topic ${topic}`);
    return found;
  }

  get all(): readonly Topic[] {
    return [...this.#byName.values()];
  }

  /** Of all topics. */
  get partitions(): readonly Partition[] {
    return (this.#partitions ??= this.all.flatMap(({ partitions }) => partitions));
  }
}

function unknownTopic(what: string): ThroughlineError {
  return new ThroughlineError('UNKNOWN_TOPIC', `no ${what}`);
}
