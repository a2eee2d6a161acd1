// One partition of `_throughline.async` that this server has: it is followed by the one consumer and folded into its open events.
// They are handed on once the partition has been read to the end that it had when it was assigned; before that, what became of
// them may still be to come.
import { delayOrAbort, ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { Consumer, onlyPartitions } from '@throughline/fold';
import { unknownEpoch, type Log, type TopicDescription } from '@throughline/log';
import { asyncLimits, asyncTopic, retryDelayMs } from '../defaults.ts';
import type { Place } from '../triggers/mapping/offset-tracker.ts';
import { OpenEvents, type OpenEvent } from './open-events.ts';

export interface PartitionQueueOptions {
  readonly log: Log;
  readonly partition: number;
  readonly description: TopicDescription;
  /** What is before it is settled; undefined where nobody has said so yet. */
  readonly settledBelow: bigint | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** It may be called, now or when it is due. */
  readonly onOpen: (event: OpenEvent) => void;
  /** What is before the place is settled. */
  readonly onPlace: (place: Place) => void;
}

export class PartitionQueue {
  readonly #options: PartitionQueueOptions;
  readonly #consumer: Consumer;
  #open: OpenEvents;
  #isLive = false;
  /** Aborts when nothing of it matters any more: others have it, or its history has ended. */
  readonly lost = new AbortController();
  /** Nothing more is begun. */
  isLeaving = false;

  constructor(options: PartitionQueueOptions) {
    const { log, partition, description, clock, logger } = options;
    const start = description.partitions[partition]?.logStartOffset ?? 0n;
    const settledBelow = later(start, options.settledBelow ?? start);
    this.#options = options;
    this.#open = new OpenEvents(settledBelow);
    this.#consumer = new Consumer({
      log,
      topic: asyncTopic,
      name: asyncTopic,
      handOn: { kind: 'each', take: (record) => this.#take(record) },
      onBreak: (_, remade) => this.#startOver(remade),
      assignment: onlyPartitions([partition]),
      retriesAll: true,
      retryMsMin: retryDelayMs,
      clock,
      logger,
    });
    const from = later(start, settledBelow - BigInt(asyncLimits.rememberedRecordsMax));
    this.#consumer.start(description, { offsets: description.partitions.map(() => from) });
    void this.#goLive();
  }

  get partition(): number {
    return this.#options.partition;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Why it is not read at the moment. */
  get problem(): ThroughlineError | undefined {
    return this.#consumer.problem;
  }

  /** Whether it may be handed on: it is still to be called, and that is our business. */
  isOurs(event: OpenEvent): boolean {
    return this.#isLive && !this.isLeaving && !event.isBusy && this.#open.has(event);
  }

  /**
   * The event, out of memory or read again.
   *
   * @throws ThroughlineError what reading the log throws; INVALID_EVENT where it is not there any more
   */
  async bodyOf(event: OpenEvent): Promise<Uint8Array> {
    const { body } = event;
    if (body !== undefined) {
      this.#open.drop(event);
      return body;
    }
    const { log, partition } = this.#options;
    const { records } = await log.read({ topic: asyncTopic, partition, offset: event.offset, bytesMax: 1 });
    const value = records.find(({ offset }) => offset === event.offset)?.value ?? undefined;
    if (value === undefined)
      throw new ThroughlineError('INVALID_EVENT', `${asyncTopic}-${partition}@${event.offset} is gone`);
    return value;
  }

  async close(): Promise<void> {
    this.isLeaving = true;
    await this.#consumer.close();
  }

  /** Never rejects. */
  async #goLive(): Promise<void> {
    const open = this.#open;
    const { clock, logger, onOpen } = this.#options;
    while (open === this.#open && !this.#isLive) {
      try {
        await this.#consumer.caughtUp();
        if (open !== this.#open) return;
        this.#isLive = true;
        for (const event of open) onOpen(event);
        this.#moved();
      } catch (thrown) {
        const { code, message } = ThroughlineError.from(thrown);
        if (this.lost.signal.aborted || this.isLeaving || code === 'CLOSED') return;
        logger.warn({ code, reason: message }, 'asynchronous invocations were not read to their end; trying again');
        await delayOrAbort(clock, retryDelayMs, this.lost.signal);
      }
    }
  }

  #take(record: LogRecord): void {
    const opened = this.#open.take(record);
    if (!this.#isLive) return;
    if (opened !== undefined) this.#options.onOpen(opened);
    this.#moved();
  }

  #moved(): void {
    const { partition, onPlace } = this.#options;
    const offset = this.#open.oldest ?? this.#consumer.positions[partition] ?? 0n;
    onPlace({ offset, leaderEpoch: unknownEpoch });
  }

  /** Other records stand there now: all of them are read, and say themselves what is settled. */
  #startOver(description: TopicDescription): { readonly offsets: readonly bigint[] } {
    const offsets = description.partitions.map(({ logStartOffset }) => logStartOffset);
    this.#isLive = false;
    this.#open = new OpenEvents(offsets[this.partition] ?? 0n);
    void this.#goLive();
    return { offsets };
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
