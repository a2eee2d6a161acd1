// Which partitions of its topic a consumer reads. One process reads them all; several that share the work are assigned
// their part by a consumer group. An assignment decides who works on what, and nothing else: two that believe in the same
// partition for a moment are kept apart by fencing (a store's checkpoint, the order of the log), never by the assignment.
export interface Assignment {
  /** The partitions that are ours now, out of those that the topic has. */
  partitions(partitionCount: number): readonly number[];
  /**
   * Calls `listener` whenever the answer may be another one.
   *
   * @returns what ends it
   */
  onChange(listener: () => void): () => void;
}

/** Every partition, also those that are added later. */
export const allPartitions: Assignment = {
  partitions: (partitionCount) => Array.from({ length: partitionCount }, (_, partition) => partition),
  onChange: () => () => {},
};
