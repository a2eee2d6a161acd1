// What is told of a batch that is kept: to whoever appended it, and again to an idempotent producer that repeats it.

/** Where an appended batch landed. */
export interface AppendedBatch {
  /** Offset of its first record. */
  readonly baseOffset: bigint;
  /** Offset of its last record. */
  readonly lastOffset: bigint;
  /**
   * The time that the broker gave its records, in milliseconds since 1970, where the topic has LogAppendTime; -1 where they
   * keep their own. For a duplicate the largest timestamp of the batch, as Apache Kafka answers it.
   */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: bigint;
  /** It was there already: an idempotent producer has sent it again. */
  readonly isDuplicate: boolean;
}
