// The Log port as simply as it can be said: arrays in memory, no batches, no disk. It is the model that the conformance
// suite is checked with, and a quick log for tests of what stands above.
import { systemClock, ThroughlineError, type Clock, type LogRecord, type ProducerRecord } from '@throughline/event';
import {
  partitionFor,
  type AppendAck,
  type Log,
  type LogAdmin,
  type ReadRequest,
  type ReadResult,
  type TailRequest,
  type TailStep,
  type TopicConfig,
  type TopicDescription,
} from '@throughline/log';

interface Topic {
  readonly topicId: string;
  readonly partitions: LogRecord[][];
  config: TopicConfig;
}

const defaultConfig: TopicConfig = {
  durability: 'memory',
  retentionMs: null,
  retentionBytes: null,
  segmentBytes: 64 * 1024 * 1024,
  recordBytesMax: 1024 * 1024,
};

/** A log in memory. */
export class MemoryLog implements Log {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  readonly #waiting = new Set<() => void>();
  #isClosed = false;
  #topicCount = 0;
  #appendCount = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async append(topic: string, records: readonly ProducerRecord[]): Promise<readonly AppendAck[]> {
    const { partitions, config } = this.#topic(topic);
    const placed = records.map((record) => {
      const bytes = (record.value?.length ?? 0) + (record.key?.length ?? 0);
      if (bytes > config.recordBytesMax) throw new ThroughlineError('RECORD_TOO_LARGE', `${bytes} bytes`);
      const partition = record.partition ?? partitionFor(record.key, partitions.length);
      if (partitions[partition] === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${partition}`);
      return { record, partition };
    });
    const acks = placed.map(({ record, partition }) => {
      const list = partitions[partition]!;
      const timestampMs = record.timestampMs ?? this.#clock.nowMs();
      const offset = BigInt(list.length);
      list.push({
        topic,
        partition,
        offset,
        timestampMs,
        key: record.key,
        value: record.value,
        headers: record.headers ?? [],
      });
      return { partition, offset, timestampMs };
    });
    // An acknowledgement is never seen in the turn of its append, as with a disk.
    await Promise.resolve();
    this.#appendCount++;
    this.#wake();
    return acks;
  }

  async read({ topic, partition, offset, bytesMax = 1024 * 1024 }: ReadRequest): Promise<ReadResult> {
    const list = this.#topic(topic).partitions[partition];
    if (list === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${partition}`);
    const highWatermark = BigInt(list.length);
    if (offset < 0n || offset > highWatermark) {
      throw new ThroughlineError('OFFSET_OUT_OF_RANGE', `${topic}-${partition}@${offset}`, {
        details: { logStartOffset: '0', highWatermark: String(highWatermark) },
      });
    }
    let end = Number(offset);
    let bytes = 0;
    while (end < list.length && (bytes === 0 || bytes < bytesMax)) bytes += 1 + (list[end++]!.value?.length ?? 0);
    return { records: list.slice(Number(offset), end), nextOffset: BigInt(end), logStartOffset: 0n, highWatermark };
  }

  async *tail({ topic, from, partitions, signal, bytesMax }: TailRequest): AsyncGenerator<TailStep> {
    const lists = this.#topic(topic).partitions;
    const chosen = partitions ?? lists.map((_, index) => index);
    const positions = new Map<number, bigint>();
    for (const partition of chosen) {
      if (from === 'earliest') positions.set(partition, 0n);
      else if (from === 'latest') positions.set(partition, BigInt(lists[partition]?.length ?? 0));
      else if ('offsets' in from) positions.set(partition, from.offsets[partition] ?? 0n);
      else positions.set(partition, await this.admin.offsetForTime(topic, partition, from.timestampMs));
    }
    const hasEnded = (): boolean => signal?.aborted === true || this.#isClosed;
    while (!hasEnded()) {
      let isIdle = true;
      const version = this.#appendCount;
      for (const [partition, offset] of positions) {
        const step = await this.read({ topic, partition, offset, ...(bytesMax === undefined ? {} : { bytesMax }) });
        if (step.records.length === 0) continue;
        isIdle = false;
        positions.set(partition, step.nextOffset);
        yield { partition, records: step.records, nextOffset: step.nextOffset, highWatermark: step.highWatermark };
        if (hasEnded()) return;
      }
      // An append between a read above and here must not be slept through.
      if (isIdle && version === this.#appendCount) await this.#nextAppend(signal);
    }
  }

  readonly admin: LogAdmin = {
    createTopic: async (topic, { partitions, config = {} }) => {
      if (this.#topics.has(topic)) throw new ThroughlineError('TOPIC_EXISTS', topic);
      if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..')
        throw new ThroughlineError('INVALID_TOPIC', topic);
      this.#topics.set(topic, {
        topicId: (++this.#topicCount).toString(16).padStart(32, '0'),
        partitions: Array.from({ length: partitions }, () => []),
        config: { ...defaultConfig, ...config },
      });
      return this.#describe(topic);
    },
    deleteTopic: async (topic) => {
      this.#topic(topic);
      this.#topics.delete(topic);
    },
    topics: async () => [...this.#topics.keys()].map((topic) => this.#describe(topic)),
    describeTopic: async (topic) => this.#describe(topic),
    alterTopic: async (topic, config) => {
      const found = this.#topic(topic);
      found.config = { ...found.config, ...config };
      return this.#describe(topic);
    },
    offsetForTime: async (topic, partition, timestampMs) => {
      const list = this.#topic(topic).partitions[partition] ?? [];
      const index = list.findIndex((record) => record.timestampMs >= timestampMs);
      return BigInt(index === -1 ? list.length : index);
    },
  };

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
  }

  #topic(topic: string): Topic {
    if (this.#isClosed) throw new ThroughlineError('CLOSED', 'the log is closed');
    const found = this.#topics.get(topic);
    if (found === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', topic);
    return found;
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
        bytes: list.reduce((sum, record) => sum + (record.value?.length ?? 0), 0),
        isOnline: true,
      })),
    };
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #nextAppend(signal: AbortSignal | undefined): Promise<void> {
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
