// Which partitions of its topic a consumer reads. One process reads them all; several that share the work are assigned
// their part by a consumer group (shared-assignment.ts). An assignment decides who works on what, and nothing else: two that
// believe in the same partition for a moment are kept apart by fencing (a store's checkpoint, the order of the log), never
// by the assignment.
export interface Assignment {
  /**
   * The partitions that are ours now, out of those that the topic has.
   *
   * @throws ThroughlineError why nobody assigns any more
   */
  partitions(partitionCount: number): readonly number[];
  /**
   * Calls `listener` whenever the answer may be another one.
   *
   * @returns what ends it
   */
  onChange(listener: () => void): () => void;
  /** Called when nothing is worked on but `partitions`, and all other work is stored. */
  settled?(partitions: readonly number[]): void;
  /**
   * Called when reading begins and after what was handed on, with the place that it has come to; index = partition. The
   * arrays are the consumer's own, which go on changing: whoever keeps them sees the newest place.
   */
  advanced?(offsets: readonly bigint[], lastEpochs: readonly number[]): void;
}

/** Every partition, also those that are added later. */
export const allPartitions: Assignment = {
  partitions: (partitionCount) => Array.from({ length: partitionCount }, (_, partition) => partition),
  onChange: () => () => {},
};

/** These partitions and no others. */
export function onlyPartitions(partitions: readonly number[]): Assignment {
  return { partitions: () => partitions, onChange: () => () => {} };
}
