// Answers per partition, gathered by topic in the order in which they come.

export interface PartitionResult {
  readonly partitionIndex: number;
  readonly errorCode: number;
}

export interface TopicResult {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionResult[];
}

export class TopicResults {
  readonly #topics = new Map<string, TopicResult & { readonly partitions: PartitionResult[] }>();

  /** A topic is the same when name and id are. */
  add(name: string, topicId: string, result: PartitionResult): void {
    const key = `${topicId}/${name}`;
    let topic = this.#topics.get(key);
    if (topic === undefined) this.#topics.set(key, (topic = { name, topicId, partitions: [] }));
    topic.partitions.push(result);
  }

  get topics(): readonly TopicResult[] {
    return [...this.#topics.values()];
  }
}
