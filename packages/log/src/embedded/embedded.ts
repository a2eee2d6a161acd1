// The Log port over the broker in the same process: no socket and no protocol, but the very record batches that a Kafka
// client would send and get. What comes in is coalesced per partition (append-coalescer.ts), what goes out is decoded
// here; the broker itself never looks into a batch.
import {
  checkProducerRecords,
  openBroker,
  openInProcessGroups,
  type Broker,
  type BrokerOptions,
  type InProcessGroups,
  type PartitionLog,
  type TopicMetadata,
} from '@throughline/broker';
import {
  markHandled,
  silentLogger,
  systemClock,
  systemRandom,
  ThroughlineError,
  type Clock,
  type Logger,
  type ProducerRecord,
  type Random,
  valueUnlessFailed,
} from '@throughline/event';
import { AppendCoalescer } from '../port/append-coalescer.ts';
import { appendParts } from '../port/append-parts.ts';
import { decodeBatches } from '../port/decode-batches.ts';
import {
  embeddedLogLimitDefaults,
  kafkaLogLimitDefaults,
  readBytesMaxDefault,
  type EmbeddedLogLimits,
} from '../defaults.ts';
import { checkHistory, lastEpochOf, unknownEpoch } from '../port/history.ts';
import { inProcessChannel } from '../group/in-process-channel.ts';
import { commitOffsets, committedOffsets } from '../group/group-offsets.ts';
import { Membership } from '../group/membership.ts';
import type { RetryContext } from '../port/retry.ts';
import type {
  AppendAck,
  AppendBatchesRequest,
  AppendCondition,
  GroupMembership,
  JoinRequest,
  Log,
  LogAdmin,
  RawBatches,
  ReadRequest,
  ReadResult,
  TailRequest,
  TailStart,
  TailStep,
  TopicDescription,
} from '../port/port.ts';
import { endOfBatches } from '../port/raw-batches.ts';
import { SharedBatches } from '../port/shared-batches.ts';
import { Tail, type FollowedPartition } from './tail.ts';
import { checkPartitionCount, checkTopicConfig, checkTopicName } from '../port/topic-settings.ts';

export interface EmbeddedLogOptions extends Partial<EmbeddedLogLimits> {
  readonly broker: Broker;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/**
 * Opens the log of a data folder in this process. One process holds a folder at a time.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, CORRUPT_RECORD, OUT_OF_DISK
 * @example const log = await openEmbeddedLog({ dataDir: '.throughline/log' })
 */
export async function openEmbeddedLog(options: BrokerOptions & Partial<EmbeddedLogLimits>): Promise<Log> {
  return embedded({ ...options, broker: await openBroker(options) });
}

/**
 * The Log port over `broker`, which it owns from here on: closing the log closes the broker.
 *
 * @example const log = embedded({ broker: await openBroker({ dataDir }) })
 */
export function embedded(options: EmbeddedLogOptions): Log {
  return new EmbeddedLog(options);
}

/** What the log keeps for a partition of the broker. */
interface PartitionState {
  readonly partitionLog: PartitionLog;
  readonly coalescer: AppendCoalescer;
  readonly sharedBatches: SharedBatches;
}

class EmbeddedLog implements Log {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #limits: EmbeddedLogLimits;
  /** By the partition itself: a topic that is made again has others. */
  readonly #states = new WeakMap<PartitionLog, PartitionState>();
  readonly #tails = new Set<Tail>();
  readonly #retry: RetryContext;
  readonly #memberships = new Set<Membership>();
  /** The group coordinator of the broker, once somebody wants it. */
  #groups: Promise<InProcessGroups> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: EmbeddedLogOptions) {
    const { broker, clock = systemClock, random = systemRandom, logger = silentLogger, ...limits } = options;
    const { retryMinMs, retryMaxMs } = kafkaLogLimitDefaults;
    this.#broker = broker;
    this.#clock = clock;
    this.#retry = { clock, random, logger, retryMinMs, retryMaxMs };
    this.#limits = { ...embeddedLogLimitDefaults, ...limits };
  }

  append(
    topic: string,
    records: readonly ProducerRecord[],
    condition?: AppendCondition,
  ): Promise<readonly AppendAck[]> {
    // Not an async function: the call is in its partition's queue when it returns, in the order of the calls.
    try {
      this.#checkOpen();
      const { partitionCount, config } = this.#broker.topic(topic);
      // Here, and not only where the batch is appended: by then the records of others are in it.
      checkProducerRecords(records, config, this.#clock.nowMs());
      const { recordBytesMax } = config;
      const coalescer = (partition: number): AppendCoalescer => this.#state(topic, partition).coalescer;
      return appendParts({ topic, partitionCount, recordBytesMax, coalescer }, records, condition);
    } catch (error) {
      return Promise.reject(ThroughlineError.from(error));
    }
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    const { topic, partition, offset, lastEpoch = unknownEpoch, bytesMax = readBytesMaxDefault } = request;
    this.#checkOpen();
    const partitionLog = this.#broker.partition(topic, partition);
    checkHistory({ topic, partition, offset, lastEpoch }, partitionLog.endOfEpoch(lastEpoch) ?? null);
    const { batches, logStartOffset, highWatermark } = await partitionLog.read(offset, bytesMax);
    const decoded = decodeBatches(batches, { topic, partition, fromOffset: offset, lastEpoch });
    return { ...decoded, logStartOffset, highWatermark };
  }

  async readBatches(request: ReadRequest): Promise<RawBatches> {
    const { topic, partition, offset, lastEpoch = unknownEpoch, bytesMax = readBytesMaxDefault } = request;
    this.#checkOpen();
    const position = { topic, partition, offset, lastEpoch };
    const partitionLog = this.#broker.partition(topic, partition);
    checkHistory(position, partitionLog.endOfEpoch(lastEpoch) ?? null);
    const { batches, logStartOffset, highWatermark } = await partitionLog.read(offset, bytesMax);
    const end = endOfBatches(batches, position);
    return { batches, ...end, logStartOffset, highWatermark, lastStableOffset: highWatermark };
  }

  async appendBatches(request: AppendBatchesRequest): Promise<bigint> {
    const { topic, partition, batches, lastEpoch = unknownEpoch, mayLeaveGap = false } = request;
    this.#checkOpen();
    return this.#broker.partition(topic, partition).appendPlaced({ batches, lastEpoch, mayLeaveGap });
  }

  tail(request: TailRequest): AsyncIterable<TailStep> {
    // Where `latest` is, is settled by the call, not by the first step that somebody asks for.
    const starting = this.#follow(request);
    // Its failure is met by the first step.
    return this.#steps(markHandled(starting));
  }

  join(request: JoinRequest): GroupMembership {
    const membership = new Membership({
      request,
      channel: this.#openGroups().then((groups) => inProcessChannel(groups, this.#broker, request.group)),
      retry: this.#retry,
      // Nothing is asked over a network.
      partitionsMs: 0,
    });
    this.#memberships.add(membership);
    void membership.ended.then(() => this.#memberships.delete(membership));
    return membership;
  }

  readonly admin: LogAdmin = {
    createTopic: async (topic, { partitions, config = {} }) => {
      this.#checkOpen();
      checkTopicName(topic);
      checkPartitionCount(partitions);
      checkTopicConfig(config);
      return this.#describe(await this.#broker.createTopic(topic, { partitions, config }));
    },
    deleteTopic: async (topic) => {
      this.#checkOpen();
      await this.#broker.deleteTopic(topic);
      for (const tail of this.#tails) tail.wake();
    },
    topics: async () => {
      this.#checkOpen();
      return this.#broker.topics().map((metadata) => this.#describe(metadata));
    },
    describeTopic: async (topic) => {
      this.#checkOpen();
      return this.#describe(this.#broker.topic(topic));
    },
    alterTopic: async (topic, config) => {
      this.#checkOpen();
      checkTopicConfig(config);
      return this.#describe(await this.#broker.alterTopic(topic, config));
    },
    offsetForTime: async (topic, partition, timestampMs) => {
      this.#checkOpen();
      return this.#broker.partition(topic, partition).offsetForTime(timestampMs);
    },
    endOfEpoch: async (topic, partition, epoch) => {
      this.#checkOpen();
      return this.#broker.partition(topic, partition).endOfEpoch(epoch) ?? null;
    },
    seal: async (topic, partition) => {
      this.#checkOpen();
      return this.#broker.partition(topic, partition).seal();
    },
    beginEpoch: async (topic, partition, epoch) => {
      this.#checkOpen();
      await this.#broker.beginEpoch(topic, partition, epoch);
    },
    committedOffsets: async (group) => {
      const groups = await this.#openGroups();
      return committedOffsets((api, request) => groups.request(group, api, request), group);
    },
    commitOffsets: async (group, offsets) => {
      const groups = await this.#openGroups();
      await commitOffsets((api, request) => groups.request(group, api, request), group, offsets);
    },
  };

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // A turn later, so that #closed is set: tails that are woken here see it.
    await Promise.resolve();
    for (const tail of this.#tails) tail.wake();
    await Promise.all(Array.from(this.#memberships, (membership) => membership.close()));
    // Who could not open it was told so.
    await (await valueUnlessFailed(this.#groups))?.close();
    // Appends that were let in are answered as ever; the disk decides how long that takes, not a time-out. On one that is
    // full they would be waited for for ever: only the close of the broker tells them that it has not taken them.
    const coalescers = this.#broker.topics().flatMap(({ topic, partitionCount }) => {
      const partitions = Array.from({ length: partitionCount }, (_, index) => this.#broker.partition(topic, index));
      return partitions.flatMap((partition) => this.#states.get(partition)?.coalescer ?? []);
    });
    for (const coalescer of coalescers) coalescer.handOver();
    await this.#broker.close();
    for (const coalescer of coalescers) await coalescer.drained();
  }

  async #openGroups(): Promise<InProcessGroups> {
    this.#checkOpen();
    const { clock, random, logger } = this.#retry;
    this.#groups ??= openInProcessGroups(this.#broker, { clock, random, logger }).catch((error: unknown) => {
      this.#groups = undefined;
      throw error;
    });
    return this.#groups;
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new ThroughlineError('CLOSED', 'the log is closed');
  }

  async *#steps(starting: Promise<Tail>): AsyncGenerator<TailStep> {
    const tail = await starting;
    this.#tails.add(tail);
    try {
      yield* tail.steps();
    } finally {
      this.#tails.delete(tail);
    }
  }

  async #follow(request: TailRequest): Promise<Tail> {
    const { topic, from, partitions, signal, bytesMax = readBytesMaxDefault, onDamage } = request;
    this.#checkOpen();
    const { partitionCount } = this.#broker.topic(topic);
    const chosen = partitions ?? Array.from({ length: partitionCount }, (_, index) => index);
    const followed = await Promise.all(
      chosen.map(async (partition): Promise<FollowedPartition> => {
        const { partitionLog, sharedBatches } = this.#state(topic, partition);
        const lastEpoch = lastEpochOf(from, partition);
        return { partitionLog, sharedBatches, position: await startOf(partitionLog, from), lastEpoch };
      }),
    );
    return new Tail({
      partitions: followed,
      bytesMax,
      sharedStepBytesMax: this.#limits.sharedStepBytesMax,
      signal,
      onDamage,
      isClosed: () => this.#closed !== undefined,
      checkExists: (partitionLog) => {
        if (this.#isClosedOrHas(topic, partitionLog)) return;
        throw new ThroughlineError('UNKNOWN_TOPIC', `${topic} has been deleted`);
      },
    });
  }

  #isClosedOrHas(topic: string, partitionLog: PartitionLog): boolean {
    return this.#closed !== undefined || this.#broker.partition(topic, partitionLog.partition) === partitionLog;
  }

  #state(topic: string, partition: number): PartitionState {
    const partitionLog = this.#broker.partition(topic, partition);
    let state = this.#states.get(partitionLog);
    if (state === undefined) {
      state = {
        partitionLog,
        coalescer: new AppendCoalescer({ target: partitionLog, clock: this.#clock, limits: this.#limits }),
        sharedBatches: new SharedBatches(topic, partition, this.#limits.sharedBatchCountMax),
      };
      this.#states.set(partitionLog, state);
    }
    return state;
  }

  #describe({ topic, topicId, partitionCount, config }: TopicMetadata): TopicDescription {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => {
      const found = this.#broker.partition(topic, partition);
      const { logStartOffset, highWatermark, bytes, leaderEpoch, isOnline, isSealed } = found;
      return { partition, logStartOffset, highWatermark, bytes, leaderEpoch, isOnline, isSealed };
    });
    const { durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax } = config;
    return {
      topic,
      topicId,
      config: { durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax },
      partitions,
    };
  }
}

async function startOf(partitionLog: PartitionLog, from: TailStart): Promise<bigint> {
  if (from === 'earliest') return partitionLog.logStartOffset;
  if (from === 'latest') return partitionLog.highWatermark;
  if ('timestampMs' in from) return partitionLog.offsetForTime(from.timestampMs);
  return from.offsets[partitionLog.partition] ?? partitionLog.logStartOffset;
}
