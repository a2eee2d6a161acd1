// Which incarnation of the topic of conversations a gateway shows. A topic that is deleted and made again is another one of
// the same name: what was read of the old one means nothing any more, and offset tokens of it are recognised.
import type { TopicDescription } from '@throughline/log';
import { generationOf } from './offset-token.ts';

export class Incarnation {
  #description: TopicDescription;

  constructor(description: TopicDescription) {
    this.#description = description;
  }

  /** Another one has taken its place. */
  become(description: TopicDescription): void {
    this.#description = description;
  }

  get topicId(): string {
    return this.#description.topicId;
  }

  /** See offset-token.ts. */
  get generation(): string {
    return generationOf(this.#description.topicId);
  }

  get partitionCount(): number {
    return this.#description.partitions.length;
  }
}
