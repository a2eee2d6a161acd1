// Defaults and limits of the log floor, each with its unit and reason.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of one read or of one step of a tail: Kafka's max.partition.fetch.bytes. */
export const readBytesMaxDefault: number = 1 * MiB;

/**
 * A member of a group that is silent for this long is out, in milliseconds. Kafka's default was 10 seconds before it became
 * 45: somebody waits at a screen for the partitions of a member that has died.
 */
export const sessionTimeoutMsDefault = 10_000;
/** How often a member says that it is there, in milliseconds: a rebalance waits for the slowest of them. */
export const heartbeatMsDefault = 1_000;
/**
 * The part of the session after which a member takes itself for gone: its clock and the coordinator's differ a little, and it
 * must not be the last to know.
 */
export const sessionShareMax = 0.95;
/** How often a commit is tried that meets a rebalance. */
export const commitTriesMax = 5;

export interface EmbeddedLogLimits {
  /**
   * Bytes of one partition that may be with the broker and not yet acknowledged. Beyond it appends wait, and what waits
   * goes out in larger batches.
   */
  readonly inFlightBytesMax: number;
  /** Bytes of one partition that may wait behind those; beyond it `append` is rejected with THROTTLED. */
  readonly waitingBytesMax: number;
  /** Time after which a rejected append may be tried again, in milliseconds. */
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

export interface KafkaLogLimits {
  /** Time for a connection to a broker to be made, in milliseconds. */
  readonly connectMs: number;
  /** Time for a broker's answer; beyond it the connection is given up and the request is tried again on another one. */
  readonly requestMs: number;
  /** How long a read, a tail or a call of admin tries to be served before it fails with LOG_UNREACHABLE. */
  readonly retryMs: number;
  /** How long a batch is tried before its appends fail with LOG_UNREACHABLE. */
  readonly deliveryMs: number;
  /** First and longest pause between two tries, in milliseconds. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** After this time the leaders and settings of a topic are asked for again, in milliseconds. */
  readonly metadataMaxAgeMs: number;
  /** How long a broker may keep a fetch that finds nothing, in milliseconds. */
  readonly fetchWaitMs: number;
  /** Bytes of one fetch over all partitions. */
  readonly fetchBytesMax: number;
  /** Bytes of record batches in one request of a producer. */
  readonly produceBytesMax: number;
  /** Requests of the producer that may be under way to one broker, as a count. */
  readonly produceInFlightMax: number;
  /** Bytes of one partition that may wait to be sent; beyond it `append` is rejected with THROTTLED. */
  readonly waitingBytesMax: number;
  /** Time after which a rejected append may be tried again, in milliseconds. */
  readonly throttleMs: number;
  /** How often the leader of a group asks whether its topics have more partitions, in milliseconds. */
  readonly groupPartitionsMs: number;
}

export const kafkaLogLimitDefaults: KafkaLogLimits = {
  // A host that is up answers within a round trip; one that is not must not keep the next address waiting.
  connectMs: 5_000,
  // Kafka's request.timeout.ms.
  requestMs: 30_000,
  // A new leader is there within a second or two, a broker that starts anew within ten or so; systems above try again.
  retryMs: 10_000,
  // A quarter of Kafka's delivery.timeout.ms: somebody waits at a screen for what is appended.
  deliveryMs: 30_000,
  // Kafka's retry.backoff.ms and retry.backoff.max.ms.
  retryMinMs: 50,
  retryMaxMs: 1_000,
  // Kafka's metadata.max.age.ms.
  metadataMaxAgeMs: 300_000,
  // Kafka's fetch.max.wait.ms and fetch.max.bytes.
  fetchWaitMs: 500,
  fetchBytesMax: 50 * MiB,
  // Well below a broker's socket.request.max.bytes of 100 MiB.
  produceBytesMax: 8 * MiB,
  // Kafka's max.in.flight.requests.per.connection; two of them never hold batches of one partition.
  produceInFlightMax: 5,
  // As on the embedded log.
  waitingBytesMax: 32 * MiB,
  throttleMs: 100,
  // A topic grows about never, and whoever lets it grow waits for it.
  groupPartitionsMs: 10_000,
};
