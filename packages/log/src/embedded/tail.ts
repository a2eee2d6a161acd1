// Follows partitions of a topic. Nothing polls: the broker says when a high watermark has moved, and the tail then takes
// one step per partition in turn, so that a busy partition does not keep the others waiting. A partition stands in the
// queue exactly while there is something to read in it; looking at the high watermark and going to sleep happen without
// a pause in between, so no wake-up is lost.
import type { PartitionLog, ReadBatches } from '@throughline/broker';
import { markHandled, ThroughlineError } from '@throughline/event';
import { decodeBatches } from '../port/decode-batches.ts';
import { checkHistory, unknownEpoch } from '../port/history.ts';
import type { Damage, TailStep } from '../port/port.ts';
import { damageOf } from '../port/read-on.ts';
import type { SharedBatches } from '../port/shared-batches.ts';

export interface FollowedPartition {
  readonly partitionLog: PartitionLog;
  readonly sharedBatches: SharedBatches;
  /** Where it starts. */
  position: bigint;
  /** The leader epoch of the record before; -1 when that is not known. */
  lastEpoch: number;
  /** A read from `position` that is under way already. */
  ahead?: Promise<ReadBatches> | undefined;
}

export interface TailOptions {
  readonly partitions: readonly FollowedPartition[];
  readonly bytesMax: number;
  readonly sharedStepBytesMax: number;
  readonly signal: AbortSignal | undefined;
  /** Told of what cannot be read; without it the tail throws there. */
  readonly onDamage: ((damage: Damage) => void) | undefined;
  /** True once the log is closing: the tail ends as if its signal had been aborted. */
  readonly isClosed: () => boolean;
  /** Throws when a partition is not there any more. */
  readonly checkExists: (partitionLog: PartitionLog) => void;
}

export class Tail {
  readonly #options: TailOptions;
  readonly #queue: FollowedPartition[] = [];
  readonly #queued = new Set<FollowedPartition>();
  #wake: (() => void) | undefined;
  #mustCheck = false;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Makes the tail look whether it has ended and whether its topic is still there. */
  readonly wake = (): void => {
    this.#mustCheck = true;
    this.#wake?.();
  };

  async *steps(): AsyncGenerator<TailStep> {
    const { partitions, signal } = this.#options;
    const stops: (() => void)[] = [];
    try {
      for (const followed of partitions) {
        checkPlace(followed);
        stops.push(followed.partitionLog.onAdvance(() => this.#advanced(followed)));
        this.#enqueue(followed);
      }
      signal?.addEventListener('abort', this.wake);
      while (!this.#hasEnded()) {
        if (this.#mustCheck) this.#check();
        const followed = this.#queue.shift();
        if (followed === undefined) {
          await this.#sleep();
          continue;
        }
        this.#queued.delete(followed);
        const step = await this.#read(followed);
        this.#enqueue(followed);
        if (this.#hasEnded()) return;
        if (step !== undefined) yield step;
      }
    } finally {
      signal?.removeEventListener('abort', this.wake);
      for (const stop of stops) stop();
    }
  }

  #check(): void {
    this.#mustCheck = false;
    for (const { partitionLog } of this.#options.partitions) this.#options.checkExists(partitionLog);
  }

  #hasEnded(): boolean {
    return this.#options.signal?.aborted === true || this.#options.isClosed();
  }

  /** The broker calls it when there is more, and when a topic is deleted, by whomever. */
  #advanced(followed: FollowedPartition): void {
    if (followed.position >= followed.partitionLog.highWatermark) this.wake();
    else this.#enqueue(followed);
  }

  #enqueue(followed: FollowedPartition): void {
    if (this.#queued.has(followed) || followed.position >= followed.partitionLog.highWatermark) return;
    this.#queued.add(followed);
    this.#queue.push(followed);
    this.#wake?.();
  }

  async #read(followed: FollowedPartition): Promise<TailStep | undefined> {
    const { partitionLog, sharedBatches, position, lastEpoch: before } = followed;
    const { bytesMax, sharedStepBytesMax } = this.#options;
    try {
      const reading = followed.ahead ?? partitionLog.read(position, bytesMax);
      followed.ahead = undefined;
      const { batches, highWatermark } = await reading;
      const { topic, partition } = partitionLog;
      const shared = batches.length <= sharedStepBytesMax ? sharedBatches : undefined;
      const request = { topic, partition, fromOffset: position, lastEpoch: before, shared };
      const { records, nextOffset, lastEpoch } = decodeBatches(batches, request);
      followed.position = nextOffset;
      followed.lastEpoch = lastEpoch;
      if (batches.length > sharedStepBytesMax && nextOffset < highWatermark) this.#readAhead(followed);
      // A batch can hold nothing for readers (a transaction marker): the position moves on, the step is not shown.
      return records.length === 0 ? undefined : { partition, records, nextOffset, lastEpoch, highWatermark };
    } catch (error) {
      // Who closes the log or deletes the topic ends the read under way; that is no fault of the read.
      if (this.#hasEnded()) return undefined;
      this.#options.checkExists(partitionLog);
      const step = this.#passDamage(followed, error);
      if (step === undefined) throw error;
      return step;
    }
  }

  /** Goes on behind what cannot be read; undefined when the error is of another kind or the consumer wants to meet it. */
  #passDamage(followed: FollowedPartition, error: unknown): TailStep | undefined {
    const { topic, partition, highWatermark } = followed.partitionLog;
    const damage = damageOf(error, topic, partition, followed.position);
    const { onDamage } = this.#options;
    if (damage === undefined || onDamage === undefined) return undefined;
    // Damage at the end of what is stored may reach beyond what readers may see; a position must not.
    const nextOffset = damage.nextOffset < highWatermark ? damage.nextOffset : highWatermark;
    followed.position = nextOffset;
    followed.lastEpoch = unknownEpoch;
    onDamage({ ...damage, nextOffset });
    return { partition, records: [], nextOffset, lastEpoch: unknownEpoch, highWatermark };
  }

  /** Far behind the end, the disk fetches the next step while the consumer works on this one. */
  #readAhead(followed: FollowedPartition): void {
    // Its failure is met by the step that waits for it; a tail that ends before does not care.
    followed.ahead = markHandled(followed.partitionLog.read(followed.position, this.#options.bytesMax));
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/**
 * A start outside the log is rejected at once; waiting there would look like a log without news. So is one in a log that has
 * other records than those that were read before it. While the log is open its history does not change.
 */
function checkPlace({ partitionLog, position, lastEpoch }: FollowedPartition): void {
  const { topic, partition, logStartOffset, highWatermark } = partitionLog;
  checkHistory({ topic, partition, offset: position, lastEpoch }, partitionLog.endOfEpoch(lastEpoch) ?? null);
  if (position >= logStartOffset && position <= highWatermark) return;
  throw new ThroughlineError('OFFSET_OUT_OF_RANGE', `${topic}-${partition} has no offset ${position}`, {
    details: { topic, partition, logStartOffset: String(logStartOffset), highWatermark: String(highWatermark) },
  });
}
