// The Log port as simply as it can be said: arrays in memory, no batches, no disk. It is the model that the conformance
// suite (test/conformance) holds the adapters against, and a quick log for tests of what stands above.
import {
  markHandled,
  systemClock,
  ThroughlineError,
  type Clock,
  type LogRecord,
  type ProducerRecord,
  type RecordTime,
} from '@throughline/event';
import {
  checkHistory,
  checkPartitionCount,
  checkTopicConfig,
  checkTopicName,
  partitionFor,
  type AppendAck,
  type AppendCondition,
  type EpochEnd,
  type GroupMembership,
  type JoinRequest,
  type Log,
  type LogAdmin,
  type RawBatches,
  type ReadRequest,
  type ReadResult,
  type TailRequest,
  type TailStep,
  type TopicConfig,
  type TopicDescription,
} from '@throughline/log';
import { MemoryGroups } from './memory-groups.ts';

interface Topic {
  readonly topicId: string;
  readonly partitions: LogRecord[][];
  config: TopicConfig;
}

/** Where a tail starts, and in which incarnation of its topic. */
interface Start {
  readonly lists: readonly LogRecord[][];
  readonly positions: Map<number, bigint>;
}

const defaultConfig: TopicConfig = {
  durability: 'memory',
  retentionMs: null,
  retentionBytes: null,
  segmentBytes: 64 * 1024 * 1024,
  recordBytesMax: 1024 * 1024,
};
/** How far ahead of now a record's own time may be: Kafka's default. */
const timestampAfterMaxMsDefault = 60 * 60 * 1000;
const bytesMaxDefault = 1024 * 1024;
/** Nobody else ever leads it. */
const leaderEpoch = 0;

/** A log in memory. */
export class MemoryLog implements Log {
  readonly #clock: Clock;
  readonly #timestampAfterMaxMs: number;
  readonly #topics = new Map<string, Topic>();
  readonly #waiting = new Set<() => void>();
  readonly #groups = new MemoryGroups((topic) => this.#topics.get(topic)?.partitions.length);
  #isClosed = false;
  #topicCount = 0;
  #changeCount = 0;

  /** @param options.timestampAfterMaxMs of every topic, for which the port has no setting */
  constructor(
    clock: Clock = systemClock,
    { timestampAfterMaxMs = timestampAfterMaxMsDefault }: { readonly timestampAfterMaxMs?: number } = {},
  ) {
    this.#clock = clock;
    this.#timestampAfterMaxMs = timestampAfterMaxMs;
  }

  async append(
    topic: string,
    records: readonly ProducerRecord[],
    condition?: AppendCondition,
  ): Promise<readonly AppendAck[]> {
    if (condition !== undefined) throw this.#cannot('append on a condition');
    const { partitions, config } = this.#topic(topic);
    const bytes = partitions.map(() => 0);
    const placed = records.map((record) => {
      const { key, exactTimestampMs } = record;
      const { timestampMs = exactTimestampMs === undefined ? this.#clock.nowMs() : Number(exactTimestampMs) } = record;
      const partition = record.partition ?? partitionFor(key, partitions.length);
      if (partitions[partition] === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${partition}`);
      if (exactTimestampMs === undefined && (!Number.isSafeInteger(timestampMs) || timestampMs < 0)) {
        throw new ThroughlineError('INVALID_RECORD', `a timestamp of ${timestampMs} ms`);
      }
      if (timestampMs > this.#clock.nowMs() + this.#timestampAfterMaxMs) {
        throw new ThroughlineError('INVALID_TIMESTAMP', `a timestamp of ${timestampMs} ms`);
      }
      bytes[partition]! += bytesOf(record);
      const isExact = exactTimestampMs === undefined || Number.isSafeInteger(timestampMs);
      const time: RecordTime = isExact ? { timestampMs } : { timestampMs, exactTimestampMs };
      return { record, partition, time };
    });
    for (const sum of bytes) {
      if (sum > config.recordBytesMax) throw new ThroughlineError('RECORD_TOO_LARGE', `${sum} bytes`);
    }
    const acks = placed.map(({ record, partition, time }) => {
      const list = partitions[partition]!;
      const offset = BigInt(list.length);
      const { key, value, headers = [] } = record;
      list.push({ topic, partition, offset, ...time, key, value, headers, leaderEpoch });
      return { partition, offset, timestampMs: time.timestampMs };
    });
    // An acknowledgement is never seen in the turn of its append, as with a disk.
    await Promise.resolve();
    this.#wake();
    return acks;
  }

  async read({
    topic,
    partition,
    offset,
    lastEpoch = -1,
    bytesMax = bytesMaxDefault,
  }: ReadRequest): Promise<ReadResult> {
    const list = this.#partition(topic, partition);
    const highWatermark = BigInt(list.length);
    checkHistory({ topic, partition, offset, lastEpoch }, endOfEpoch(list, lastEpoch));
    this.#checkRange(topic, partition, offset);
    let end = Number(offset);
    let bytes = 0;
    while (end < list.length && (bytes === 0 || bytes < bytesMax)) bytes += 1 + (list[end++]!.value?.length ?? 0);
    const records = list.slice(Number(offset), end);
    const epoch = records.length === 0 ? lastEpoch : leaderEpoch;
    return { records, nextOffset: BigInt(end), lastEpoch: epoch, logStartOffset: 0n, highWatermark };
  }

  async readBatches(): Promise<RawBatches> {
    throw this.#cannot('read batches: it has only records');
  }

  async appendBatches(): Promise<bigint> {
    throw this.#cannot('append batches: it has only records');
  }

  tail(request: TailRequest): AsyncIterable<TailStep> {
    // Where `latest` is, is settled by the call, not by the first step that somebody asks for.
    return this.#steps(request, markHandled(this.#start(request)));
  }

  join(request: JoinRequest): GroupMembership {
    this.#checkOpen();
    return this.#groups.join(request);
  }

  readonly admin: LogAdmin = {
    createTopic: async (topic, { partitions, config = {} }) => {
      this.#checkOpen();
      checkTopicName(topic);
      checkPartitionCount(partitions);
      checkTopicConfig(config);
      if (this.#topics.has(topic)) throw new ThroughlineError('TOPIC_EXISTS', topic);
      this.#topics.set(topic, {
        topicId: (++this.#topicCount).toString(16).padStart(32, '0'),
        partitions: Array.from({ length: partitions }, () => []),
        config: { ...defaultConfig, ...config },
      });
      this.#groups.onTopics();
      return this.#describe(topic);
    },
    deleteTopic: async (topic) => {
      this.#topic(topic);
      this.#topics.delete(topic);
      this.#groups.onTopics();
      this.#wake();
    },
    topics: async () => {
      this.#checkOpen();
      return [...this.#topics.keys()].map((topic) => this.#describe(topic));
    },
    describeTopic: async (topic) => this.#describe(topic),
    alterTopic: async (topic, config) => {
      const found = this.#topic(topic);
      checkTopicConfig(config);
      found.config = { ...found.config, ...config };
      return this.#describe(topic);
    },
    offsetForTime: async (topic, partition, timestampMs) => {
      const list = this.#partition(topic, partition);
      const index = list.findIndex((record) => record.timestampMs >= timestampMs);
      return BigInt(index === -1 ? list.length : index);
    },
    endOfEpoch: async (topic, partition, epoch) => endOfEpoch(this.#partition(topic, partition), epoch),
    seal: async () => {
      throw this.#cannot('seal a partition');
    },
    beginEpoch: async () => {
      throw this.#cannot('begin a leader epoch');
    },
    committedOffsets: async (group) => {
      this.#checkOpen();
      return this.#groups.committed(group);
    },
    commitOffsets: async (group, offsets) => {
      this.#checkOpen();
      this.#groups.commit(group, offsets);
    },
  };

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#groups.close();
    this.#wake();
  }

  /** Gives a topic more partitions, as any Kafka tool can; tails do not hear of it. */
  grow(topic: string, partitionCount: number): void {
    const { partitions } = this.#topic(topic);
    while (partitions.length < partitionCount) partitions.push([]);
  }

  /** Drops the newest records, as an unclean election of a cluster does; tails do not hear of it. */
  loseFrom(topic: string, partition: number, offset: bigint): void {
    this.#partition(topic, partition).splice(Number(offset));
  }

  async #start({ topic, from, partitions }: TailRequest): Promise<Start> {
    const lists = this.#topic(topic).partitions;
    const chosen = partitions ?? lists.map((_, index) => index);
    const positions = new Map<number, bigint>();
    for (const partition of chosen) {
      const { length } = this.#partition(topic, partition);
      if (from === 'earliest') positions.set(partition, 0n);
      else if (from === 'latest') positions.set(partition, BigInt(length));
      else if ('offsets' in from) {
        const offset = from.offsets[partition] ?? 0n;
        const lastEpoch = from.lastEpochs?.[partition] ?? -1;
        checkHistory({ topic, partition, offset, lastEpoch }, endOfEpoch(this.#partition(topic, partition), lastEpoch));
        positions.set(partition, offset);
      } else positions.set(partition, await this.admin.offsetForTime(topic, partition, from.timestampMs));
    }
    for (const [partition, offset] of positions) this.#checkRange(topic, partition, offset);
    return { lists, positions };
  }

  async *#steps(
    { topic, signal, bytesMax = bytesMaxDefault }: TailRequest,
    starting: Promise<Start>,
  ): AsyncGenerator<TailStep> {
    const { lists, positions } = await starting;
    const hasEnded = (): boolean => signal?.aborted === true || this.#isClosed;
    while (!hasEnded()) {
      if (this.#topics.get(topic)?.partitions !== lists) throw new ThroughlineError('UNKNOWN_TOPIC', topic);
      let isIdle = true;
      const version = this.#changeCount;
      for (const [partition, offset] of positions) {
        const { records, nextOffset, highWatermark } = await this.read({ topic, partition, offset, bytesMax });
        if (records.length === 0) continue;
        isIdle = false;
        positions.set(partition, nextOffset);
        yield { partition, records, nextOffset, lastEpoch: leaderEpoch, highWatermark };
        if (hasEnded()) return;
      }
      // An append between a read above and here must not be slept through.
      if (isIdle && version === this.#changeCount) await this.#nextChange(signal);
    }
  }

  #cannot(what: string): ThroughlineError {
    this.#checkOpen();
    return new ThroughlineError('LOG_CANNOT', `a log in memory cannot ${what}`);
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ThroughlineError('CLOSED', 'the log is closed');
  }

  #topic(topic: string): Topic {
    this.#checkOpen();
    const found = this.#topics.get(topic);
    if (found === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', topic);
    return found;
  }

  #partition(topic: string, partition: number): LogRecord[] {
    const list = this.#topic(topic).partitions[partition];
    if (list === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${partition}`);
    return list;
  }

  #checkRange(topic: string, partition: number, offset: bigint): void {
    const highWatermark = BigInt(this.#partition(topic, partition).length);
    if (offset >= 0n && offset <= highWatermark) return;
    throw new ThroughlineError('OFFSET_OUT_OF_RANGE', `${topic}-${partition}@${offset}`, {
      details: { logStartOffset: '0', highWatermark: String(highWatermark) },
    });
  }

  #describe(topic: string): TopicDescription {
    const { topicId, partitions, config } = this.#topic(topic);
    return {
      topic,
      topicId,
      config,
      partitions: partitions.map((list, partition) => ({
        partition,
        logStartOffset: 0n,
        highWatermark: BigInt(list.length),
        bytes: list.reduce((sum, record) => sum + bytesOf(record), 0),
        leaderEpoch,
        isOnline: true,
        isSealed: false,
      })),
    };
  }

  #wake(): void {
    this.#changeCount++;
    for (const wake of this.#waiting) wake();
  }

  #nextChange(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
      if (signal?.aborted === true || this.#isClosed) wake();
    });
  }
}

function endOfEpoch({ length }: readonly LogRecord[], epoch: number): EpochEnd | null {
  return epoch === leaderEpoch ? { epoch, endOffset: BigInt(length) } : null;
}

function bytesOf({ key, value }: ProducerRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
