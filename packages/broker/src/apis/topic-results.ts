// Answers per partition, gathered by the topics of a request. A topic that is asked for twice is answered twice.
import type { KafkaErrorName } from '@throughline/wire';

export interface PartitionResult {
  readonly partitionIndex: number;
  readonly errorCode: KafkaErrorName;
}

/** What of the topics of a request says which topic it is. */
interface AskedTopic {
  readonly name: string;
  readonly topicId?: string;
}

export class TopicResults {
  readonly #partitions = new Map<AskedTopic, PartitionResult[]>();

  add(asked: AskedTopic, result: PartitionResult): void {
    const partitions = this.#partitions.get(asked);
    if (partitions === undefined) this.#partitions.set(asked, [result]);
    else partitions.push(result);
  }

  get topics(): readonly (AskedTopic & { readonly partitions: readonly PartitionResult[] })[] {
    return Array.from(this.#partitions, ([{ name, topicId }, partitions]) => ({
      name,
      ...(topicId !== undefined && { topicId }),
      partitions,
    }));
  }
}
