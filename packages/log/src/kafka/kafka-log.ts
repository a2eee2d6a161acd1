// The Log port on any Kafka cluster: the same records in the same batches as on the embedded log, by Kafka's protocol.
//
// Appends of one turn are coalesced per partition (append-coalescer.ts) and go out by an idempotent producer (producer.ts).
// The order of the calls of `append` is the order on the log even while leaders and settings of a topic are still being
// asked for: each topic has a gate through which its calls go in turn.
import { markHandled, ThroughlineError, type Clock, type ProducerRecord } from '@throughline/event';
import { fetchApi } from '@throughline/wire/apis';
import { AppendCoalescer } from '../port/append-coalescer.ts';
import { appendParts } from '../port/append-parts.ts';
import { readBytesMaxDefault, sessionTimeoutMsDefault, type KafkaLogLimits } from '../defaults.ts';
import { Membership } from '../group/membership.ts';
import { diverged, lastEpochOf, unknownEpoch } from '../port/history.ts';
import { cannot, endOfBatches, verifiedBatches } from '../port/raw-batches.ts';
import type {
  AppendAck,
  AppendCondition,
  GroupMembership,
  JoinRequest,
  Log,
  RawBatches,
  ReadRequest,
  ReadResult,
  TailRequest,
  TailStep,
} from '../port/port.ts';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { checkPosition } from './epochs.ts';
import {
  decodeFetched,
  endBehind,
  fetchFrom,
  type FetchBounds,
  type FetchedPartition,
  type FetchPosition,
} from './fetch.ts';
import { KafkaAdmin } from './kafka-admin.ts';
import { KafkaGroupChannel } from './kafka-group-channel.ts';
import { KafkaTail } from './kafka-tail.ts';
import { offsetsAt, outOfRange, staleOr } from './offsets.ts';
import { Producer } from './producer.ts';
import type { RetryContext } from '../port/retry.ts';
import type { TopicOperations } from './topic-operations.ts';
import { TopicGate, type KnownTopic } from './topic-gate.ts';

/** Kafka's own max.message.bytes: what is assumed of a cluster that does not tell its settings. */
const recordBytesMaxUnknown = 1_048_588;

export interface KafkaLogParts {
  readonly cluster: Cluster;
  readonly operations: TopicOperations;
  readonly limits: KafkaLogLimits;
  readonly retry: RetryContext;
}

/** What the log keeps of a topic that somebody appends to. */
interface TopicWriter {
  readonly gate: TopicGate;
  /** Index = partition. */
  readonly coalescers: AppendCoalescer[];
  /** The largest batch that it takes, in bytes; undefined when it has to be asked for. */
  recordBytesMax: number | undefined;
}

export class KafkaLog implements Log {
  readonly admin: KafkaAdmin;
  readonly #cluster: Cluster;
  readonly #limits: KafkaLogLimits;
  readonly #retry: RetryContext;
  readonly #clock: Clock;
  readonly #producer: Producer;
  readonly #writers = new Map<string, TopicWriter>();
  readonly #tails = new Set<KafkaTail>();
  readonly #memberships = new Set<Membership>();
  #closed: Promise<void> | undefined;

  constructor({ cluster, operations, limits, retry }: KafkaLogParts) {
    this.#cluster = cluster;
    this.#limits = limits;
    this.#retry = retry;
    this.#clock = retry.clock;
    this.#producer = new Producer({ cluster, limits, retry });
    this.admin = new KafkaAdmin({
      cluster,
      operations,
      checkOpen: () => this.#checkOpen(),
      onChange: (topic) => {
        const writer = this.#writers.get(topic);
        if (writer !== undefined) writer.recordBytesMax = undefined;
        for (const tail of this.#tails) if (tail.topic === topic) tail.wake();
      },
    });
  }

  append(
    topic: string,
    records: readonly ProducerRecord[],
    condition?: AppendCondition,
  ): Promise<readonly AppendAck[]> {
    if (condition !== undefined) return Promise.reject(cannot('append on a condition'));
    // Not an async function: the call has its place in the order when it returns.
    try {
      this.#checkOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    const writer = this.#writer(topic);
    return writer.gate.pass((state) => this.#append(writer, state, records));
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    this.#checkOpen();
    const { topic, partition } = request;
    return this.#cluster.retrying(`read ${topic}-${partition}`, () => this.#read(request));
  }

  async readBatches(request: ReadRequest): Promise<RawBatches> {
    this.#checkOpen();
    const { topic, partition, offset, lastEpoch = unknownEpoch } = request;
    const position = { topic, partition, offset, lastEpoch };
    const fetched = await this.#cluster.retrying(`read ${topic}-${partition}`, () => this.#fetch(request, 'all'));
    const batches = verifiedBatches(fetched.batches, position);
    const { logStartOffset, lastStableOffset } = fetched;
    const end = endOfBatches(batches, position);
    const highWatermark = endBehind(end.nextOffset, fetched.highWatermark);
    return { batches, ...end, logStartOffset, highWatermark, lastStableOffset };
  }

  async appendBatches(): Promise<bigint> {
    this.#checkOpen();
    throw cannot('append batches at the offsets that they have elsewhere');
  }

  tail(request: TailRequest): AsyncIterable<TailStep> {
    // Where `latest` is, is settled by the call, not by the first step that somebody asks for. What this log appends from
    // here on goes out when the end of the topic is known.
    const starting = this.#follow(request);
    if (request.from === 'latest' && this.#closed === undefined) this.#writer(request.topic).gate.hold(starting);
    // Its failure is met by the first step.
    return this.#steps(markHandled(starting));
  }

  join(request: JoinRequest): GroupMembership {
    const { requestMs, groupPartitionsMs: partitionsMs } = this.#limits;
    const membership = new Membership({
      request,
      channel: this.#groupChannel(request, requestMs),
      retry: this.#retry,
      partitionsMs,
    });
    this.#memberships.add(membership);
    void membership.ended.then(() => this.#memberships.delete(membership));
    return membership;
  }

  async #groupChannel({ group, sessionTimeoutMs = sessionTimeoutMsDefault }: JoinRequest, requestMs: number) {
    this.#checkOpen();
    // A JoinGroup is answered after a session time-out at the latest.
    return new KafkaGroupChannel(this.#cluster, group, requestMs + sessionTimeoutMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // A turn later, so that #closed is set: tails that are woken here see it.
    await Promise.resolve();
    for (const tail of this.#tails) tail.wake();
    await Promise.all(Array.from(this.#memberships, (membership) => membership.close()));
    // Appends that were let in are answered as ever, or given up when their time is over.
    for (const { gate, coalescers } of this.#writers.values()) {
      await gate.passed();
      for (const coalescer of coalescers) await coalescer?.drained();
    }
    await this.#cluster.close();
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new ThroughlineError('CLOSED', 'the log is closed');
  }

  #writer(topic: string): TopicWriter {
    let writer = this.#writers.get(topic);
    if (writer === undefined) {
      const gate = new TopicGate({ known: () => this.#knownState(topic), load: () => this.#loadState(topic) });
      writer = { gate, coalescers: [], recordBytesMax: undefined };
      this.#writers.set(topic, writer);
    }
    return writer;
  }

  #knownState(topic: string): KnownTopic | undefined {
    const metadata = this.#cluster.known(topic);
    const recordBytesMax = this.#writers.get(topic)?.recordBytesMax;
    return metadata === undefined || recordBytesMax === undefined ? undefined : { metadata, recordBytesMax };
  }

  async #loadState(topic: string): Promise<KnownTopic> {
    const metadata = this.#cluster.known(topic) ?? (await this.#cluster.refresh(topic));
    const recordBytesMax = await this.#recordBytesMax(topic);
    this.#writer(topic).recordBytesMax = recordBytesMax;
    return { metadata, recordBytesMax };
  }

  async #recordBytesMax(topic: string): Promise<number> {
    try {
      return (await this.admin.settings(topic)).recordBytesMax;
    } catch (error) {
      // Who may not see the settings can still append; the cluster rejects what is too large.
      if (ThroughlineError.is(error, 'LOG_REFUSED')) return recordBytesMaxUnknown;
      throw error;
    }
  }

  #append(
    writer: TopicWriter,
    { metadata: { topic, partitions }, recordBytesMax }: KnownTopic,
    records: readonly ProducerRecord[],
  ): Promise<readonly AppendAck[]> {
    try {
      const coalescer = (partition: number): AppendCoalescer => this.#coalescer(writer, topic, partition);
      return appendParts({ topic, partitionCount: partitions.length, recordBytesMax, coalescer }, records);
    } catch (error) {
      return Promise.reject(ThroughlineError.from(error));
    }
  }

  #coalescer({ coalescers }: TopicWriter, topic: string, partition: number): AppendCoalescer {
    const { waitingBytesMax, throttleMs } = this.#limits;
    coalescers[partition] ??= new AppendCoalescer({
      target: this.#producer.partition(topic, partition),
      clock: this.#clock,
      limits: { inFlightBytesMax: 1, waitingBytesMax, throttleMs },
    });
    return coalescers[partition];
  }

  async #read(request: ReadRequest): Promise<ReadResult> {
    const found = await this.#fetch(request, 'committed');
    const { logStartOffset, lastStableOffset } = found;
    const decoded = decodeFetched(request.topic, found);
    return { ...decoded, logStartOffset, highWatermark: endBehind(decoded.nextOffset, lastStableOffset) };
  }

  /** One fetch that does not wait. @throws ThroughlineError what `read` throws */
  async #fetch(request: ReadRequest, what: FetchBounds['what']): Promise<FetchedPartition> {
    const { topic, partition, offset, lastEpoch = unknownEpoch, bytesMax = readBytesMaxDefault } = request;
    await checkPosition(this.#cluster, { topic, partition, offset, lastEpoch });
    const { metadata, leader } = await this.#cluster.leaderOf(topic, partition);
    const [found] = await fetchFrom(
      (request) => this.#cluster.request(leader, 'read', fetchApi, request),
      metadata,
      [{ partition, offset, lastEpoch }],
      { waitMs: 0, bytesMax, partitionBytesMax: bytesMax, what },
    ).catch((error: unknown) => {
      this.#cluster.forget(topic);
      throw error;
    });
    const errorCode = found?.errorCode ?? 'UNKNOWN_TOPIC_OR_PARTITION';
    if (errorCode === 'OFFSET_OUT_OF_RANGE') throw await outOfRange(this.#cluster, { topic, partition, offset });
    if (errorCode !== 'NONE' || found === undefined) {
      throw await staleOr(this.#cluster, metadata, errorCode, `read ${topic}-${partition}`);
    }
    if (found.divergesAt !== undefined) throw diverged({ topic, ...found }, found.divergesAt);
    return found;
  }

  async *#steps(starting: Promise<KafkaTail | undefined>): AsyncGenerator<TailStep> {
    const tail = await starting;
    if (tail === undefined) return;
    this.#tails.add(tail);
    try {
      yield* tail.steps();
    } finally {
      this.#tails.delete(tail);
    }
  }

  async #follow(request: TailRequest): Promise<KafkaTail | undefined> {
    const { topic, signal, bytesMax = readBytesMaxDefault, onDamage } = request;
    this.#checkOpen();
    try {
      // Newer than any incarnation that was deleted in the meantime.
      const metadata = await this.#cluster.refresh(topic);
      return new KafkaTail({
        cluster: this.#cluster,
        limits: this.#limits,
        retry: this.#retry,
        metadata,
        positions: await this.#positions(metadata, request),
        bytesMax,
        signal,
        onDamage,
        isClosed: () => this.#closed !== undefined,
      });
    } catch (error) {
      // Closed while it was being found out where to start: an end, not a failure.
      if (this.#closed !== undefined) return undefined;
      throw error;
    }
  }

  /** Where each partition starts; the tail checks against the log what was read before. */
  async #positions(metadata: TopicLeaders, request: TailRequest): Promise<ReadonlyMap<number, FetchPosition>> {
    const starts = await this.#starts(metadata, request);
    return new Map(
      Array.from(starts, ([partition, offset]) => {
        return [partition, { partition, offset, lastEpoch: lastEpochOf(request.from, partition) }] as const;
      }),
    );
  }

  async #starts(metadata: TopicLeaders, { topic, from, partitions }: TailRequest): Promise<Map<number, bigint>> {
    const chosen = partitions ?? metadata.partitions.map((_, partition) => partition);
    if (from === 'earliest' || from === 'latest') {
      return new Map(await offsetsAt(this.#cluster, topic, chosen, from));
    }
    if ('timestampMs' in from) {
      const starts = chosen.map(async (partition) => {
        return [partition, await this.admin.offsetForTime(topic, partition, from.timestampMs)] as const;
      });
      return new Map(await Promise.all(starts));
    }
    const absent = chosen.filter((partition) => from.offsets[partition] === undefined);
    const earliest = await offsetsAt(this.#cluster, topic, absent, 'earliest');
    for (const partition of chosen) await this.#cluster.leaderOf(topic, partition);
    return new Map(chosen.map((partition) => [partition, from.offsets[partition] ?? earliest.get(partition)!]));
  }
}
