// Follows partitions of a topic on a cluster. Per broker that leads some of them there is one connection and at most one
// fetch under way; the broker keeps it until something comes. While the consumer works on the last step of an answer, the
// next fetch is on its way. The order of partitions in a fetch turns with each one, so that none is always last when the
// bytes run out.
import { delay, ThroughlineError, unattended } from '@throughline/event';
import { fetchApi } from '@throughline/wire/apis';
import type { KafkaLogLimits } from '../defaults.ts';
import { diverged, unknownEpoch } from '../port/history.ts';
import type { Damage, TailStep } from '../port/port.ts';
import { damageOf } from '../port/read-on.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { isPassing, saysStaleMetadata } from '../port/failures.ts';
import { checkPosition } from './epochs.ts';
import { decodeFetched, endBehind, fetchFrom, type FetchedPartition, type FetchPosition } from './fetch.ts';
import { outOfRange, staleOr } from './offsets.ts';
import { retryPauseMs, type RetryContext } from '../port/retry.ts';

export interface KafkaTailOptions {
  readonly cluster: Cluster;
  readonly limits: KafkaLogLimits;
  readonly retry: RetryContext;
  /** The incarnation of the topic that is followed. */
  readonly metadata: TopicLeaders;
  /** Where each partition starts. */
  readonly positions: ReadonlyMap<number, FetchPosition>;
  readonly bytesMax: number;
  readonly signal: AbortSignal | undefined;
  readonly onDamage: ((damage: Damage) => void) | undefined;
  /** True once the log is closing: the tail ends as if its signal had been aborted. */
  readonly isClosed: () => boolean;
}

export class KafkaTail {
  readonly #options: KafkaTailOptions;
  readonly #positions: Map<number, FetchPosition>;
  /** The leader epoch in which what was read of a partition was last found to be in the log. */
  readonly #checkedEpochs = new Map<number, number>();
  readonly #connections = new Map<number, BrokerConnection>();
  readonly #fetching = new Set<number>();
  readonly #stop = new AbortController();
  /** Steps in the order of their arrival, or what keeps the tail from going on; with the broker that sent them. */
  readonly #queue: { readonly broker: number; readonly step: TailStep | ThroughlineError }[] = [];
  #turn = 0;
  #wake: (() => void) | undefined;
  /** Since when nothing was heard of a broker, in milliseconds of the monotonic clock, and how often it was tried. */
  readonly #failing = new Map<number, { readonly sinceMs: number; count: number }>();

  constructor(options: KafkaTailOptions) {
    this.#options = options;
    this.#positions = new Map(options.positions);
  }

  /** Makes the tail look whether it has ended, and whether its topic is still there. */
  readonly wake = (): void => {
    if (this.#hasEnded()) this.#end();
    this.#wake?.();
  };

  get topic(): string {
    return this.#options.metadata.topic;
  }

  async *steps(): AsyncGenerator<TailStep> {
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.wake);
    try {
      while (!this.#hasEnded()) {
        const next = this.#queue.shift();
        this.#fetchAll();
        if (next === undefined) await this.#sleep();
        else if (next.step instanceof ThroughlineError) throw next.step;
        else if (!this.#hasEnded()) yield next.step;
      }
    } finally {
      signal?.removeEventListener('abort', this.wake);
      this.#end();
    }
  }

  #hasEnded(): boolean {
    return this.#options.signal?.aborted === true || this.#options.isClosed();
  }

  #end(): void {
    this.#stop.abort();
    for (const connection of this.#connections.values()) connection.destroy();
    this.#wake?.();
  }

  /** Begins a fetch from each leader that has none under way and nothing left in the queue. */
  #fetchAll(): void {
    const byLeader = new Map<number, number[]>();
    const { topic, partitions } = this.#options.cluster.known(this.topic) ?? this.#options.metadata;
    for (const partition of this.#positions.keys()) {
      const leader = partitions[partition]?.leader ?? -1;
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [partition]);
      else list.push(partition);
    }
    for (const [leader, list] of byLeader) {
      if (this.#fetching.has(leader) || this.#queue.some(({ broker }) => broker === leader)) continue;
      this.#fetching.add(leader);
      unattended(this.#options.retry.logger, 'reading from a broker', async () => {
        await this.#fetch(topic, leader, list);
        this.#fetching.delete(leader);
        this.#wake?.();
      });
    }
  }

  /** One fetch from one leader; what comes of it, good or bad, is put into the queue. Never rejects. */
  async #fetch(topic: string, leader: number, partitions: readonly number[]): Promise<void> {
    const { limits, bytesMax, metadata } = this.#options;
    try {
      if (leader < 0) {
        throw new ThroughlineError('LOG_UNREACHABLE', `${topic}-${partitions.join(', ')} has no leader`);
      }
      const connection = this.#connection(leader);
      const positions = this.#turned(partitions).map((partition) => this.#positions.get(partition)!);
      const known = this.#options.cluster.known(topic) ?? metadata;
      if (known.topicId !== metadata.topicId) throw this.#remade();
      for (const position of positions) await this.#checkHistory(known, position);
      // The incarnation that is followed, with those who lead it now.
      const followed = { ...metadata, partitions: known.partitions };
      const fetched = await fetchFrom((request) => connection.request(fetchApi, request), followed, positions, {
        waitMs: limits.fetchWaitMs,
        bytesMax: limits.fetchBytesMax,
        partitionBytesMax: bytesMax,
        what: 'committed',
      });
      for (const found of fetched) await this.#take(leader, found);
      this.#failing.delete(leader);
    } catch (error) {
      await this.#failed(leader, error);
    }
  }

  /** A new leader may have other records than those that were read from the one before (KIP-320). */
  async #checkHistory({ topic, partitions }: TopicLeaders, position: FetchPosition): Promise<void> {
    const { partition } = position;
    const leaderEpoch = partitions[partition]?.leaderEpoch ?? unknownEpoch;
    if (this.#checkedEpochs.get(partition) === leaderEpoch) return;
    await checkPosition(this.#options.cluster, { topic, ...position });
    this.#checkedEpochs.set(partition, leaderEpoch);
  }

  async #take(leader: number, found: FetchedPartition): Promise<void> {
    const { topic } = this.#options.metadata;
    const { partition, offset, errorCode, lastStableOffset } = found;
    if (found.divergesAt !== undefined) throw diverged({ topic, ...found }, found.divergesAt);
    if (errorCode === 'OFFSET_OUT_OF_RANGE') {
      // The log may end before the offset because it was cut.
      await checkPosition(this.#options.cluster, { topic, ...found });
      throw await outOfRange(this.#options.cluster, { topic, partition, offset });
    }
    if (errorCode !== 'NONE') {
      const failure = await staleOr(this.#options.cluster, this.#options.metadata, errorCode, `fetch from ${topic}`);
      throw saysStaleMetadata(errorCode) ? this.#ifGone(failure) : failure;
    }
    try {
      const { records, nextOffset, lastEpoch } = decodeFetched(topic, found);
      this.#positions.set(partition, { partition, offset: nextOffset, lastEpoch });
      // A batch can hold nothing for readers (a transaction marker): the position moves on, the step is not shown.
      const highWatermark = endBehind(nextOffset, lastStableOffset);
      if (records.length > 0) this.#put(leader, { partition, records, nextOffset, lastEpoch, highWatermark });
    } catch (error) {
      const damage = damageOf(error, topic, partition, offset);
      const { onDamage } = this.#options;
      if (damage === undefined || onDamage === undefined) throw error;
      const { nextOffset } = damage;
      const lastEpoch = unknownEpoch;
      this.#positions.set(partition, { partition, offset: nextOffset, lastEpoch });
      onDamage(damage);
      const highWatermark = endBehind(nextOffset, lastStableOffset);
      this.#put(leader, { partition, records: [], nextOffset, lastEpoch, highWatermark });
    }
  }

  /** The topic may have been made again in the meantime: what is followed is gone then, whoever has its name now. */
  #ifGone(failure: ThroughlineError): ThroughlineError {
    const { topic, topicId } = this.#options.metadata;
    const now = this.#options.cluster.known(topic);
    return now === undefined || now.topicId === topicId ? failure : this.#remade(failure);
  }

  #remade(cause?: ThroughlineError): ThroughlineError {
    return new ThroughlineError('UNKNOWN_TOPIC', `${this.topic} has been deleted and made again`, { cause });
  }

  /** Waits before the next try, or ends the tail when it is no use or has taken too long. */
  async #failed(leader: number, cause: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const { cluster, limits, retry } = this.#options;
    const error = ThroughlineError.from(cause);
    const nowMs = retry.clock.monotonicMs();
    const failing = this.#failing.get(leader) ?? { sinceMs: nowMs, count: 0 };
    this.#failing.set(leader, failing);
    failing.count++;
    if (!isPassing(error) || nowMs - failing.sinceMs > limits.retryMs) return this.#put(leader, error);
    if (failing.count === 1) {
      retry.logger.warn({ topic: this.topic, broker: leader, reason: error.message }, 'a tail tries again');
    }
    cluster.forget(this.topic);
    // The broker may come back at another address.
    this.#connections.get(leader)?.destroy();
    this.#connections.delete(leader);
    try {
      await delay(retry.clock, retryPauseMs(retry, failing.count), this.#stop.signal);
      await cluster.look(this.topic);
    } catch (later) {
      // While nobody answers, the next fetch fails as well and counts the time.
      if (!this.#stop.signal.aborted && !isPassing(later)) this.#put(leader, ThroughlineError.from(later));
    }
  }

  #put(broker: number, step: TailStep | ThroughlineError): void {
    this.#queue.push({ broker, step });
    this.#wake?.();
  }

  #turned(partitions: readonly number[]): readonly number[] {
    const first = this.#turn++ % partitions.length;
    return [...partitions.slice(first), ...partitions.slice(0, first)];
  }

  #connection(leader: number): BrokerConnection {
    let connection = this.#connections.get(leader);
    if (connection === undefined) {
      connection = this.#options.cluster.open(leader);
      this.#connections.set(leader, connection);
    }
    return connection;
  }

  #sleep(): Promise<void> {
    if (this.#queue.length > 0 || this.#hasEnded()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
