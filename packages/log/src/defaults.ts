// Defaults and limits of the log floor, each with its unit and reason.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of one read or of one step of a tail: Kafka's max.partition.fetch.bytes. */
export const readBytesMaxDefault: number = 1 * MiB;

export interface EmbeddedLogLimits {
  /**
   * Bytes of one partition that may be with the broker and not yet acknowledged. Beyond it appends wait, and what waits
   * goes out in larger batches.
   */
  readonly inFlightBytesMax: number;
  /** Bytes of one partition that may wait behind those; beyond it `append` is refused with THROTTLED. */
  readonly waitingBytesMax: number;
  /** Time after which a refused append may be tried again, in milliseconds. */
  readonly throttleMs: number;
  /** Decoded batches that the tails of one partition share, as a count. */
  readonly sharedBatchCountMax: number;
  /** Only steps of at most this many bytes are shared: tails that catch up are alone with their records anyway. */
  readonly sharedStepBytesMax: number;
}

export const embeddedLogLimitDefaults: EmbeddedLogLimits = {
  // Several writes of a MiB: enough to keep the disk busy, and far below the broker's own limit.
  inFlightBytesMax: 8 * MiB,
  // A second or so of a slow disk.
  waitingBytesMax: 32 * MiB,
  // About how long a disk takes for what may be in flight.
  throttleMs: 100,
  // Together at most 1 MiB per partition.
  sharedBatchCountMax: 32,
  sharedStepBytesMax: 32 * KiB,
};
