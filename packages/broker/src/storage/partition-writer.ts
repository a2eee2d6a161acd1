// The writing side of a partition: batches get their place, are written, and are acknowledged, in the order of the calls.
//
//   memory   placed and acknowledged in the call, readable from the tail cache, written behind
//   os       acknowledged when its write has returned
//   fsync    written to the segment, then handed to the commit journal; acknowledged when that is synced. Meanwhile the
//            next group is written to the segment already.
//
// Writing itself is a loop of its own (write-loop.ts). It is `writing` in the order of what may wait for what, which is
// written and proved in wait-order.ts, and asserted at each wait:
//
//   changes, retention ──► writing ──► commits ──► checkpoint ──► upkeep ──► the disk
//
// So the loop may wait for commits, for the upkeep of its partition and for the disk; and whoever waits for a place in the
// queue (to close a segment, to change the durability, to end it all) holds neither the upkeep nor a checkpoint, because
// the commits before him may need both.
import { assert, ThroughlineError } from '@throughline/event';
import { lastOffsetOf, type RecordBatchHeader } from '@throughline/wire';
import { AppendAdmission } from './append-admission.ts';
import type { WaitingBatch } from './append-queue.ts';
import type { AppendCondition } from './partition-face.ts';
import type { AppendedBatch } from '../ground/appended-batch.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import type { WriterOptions } from './writer-options.ts';
import type { PlacedBatch } from './placed-batches.ts';
import { mayWaitFor } from './wait-order.ts';
import type { Watched } from './watchdog.ts';
import { WriteLoop } from './write-loop.ts';

export class PartitionWriter {
  readonly #options: WriterOptions;
  readonly #loop: WriteLoop;
  readonly #admission: AppendAdmission;
  /** While the writing is held by somebody, or about to be, nothing is placed ahead of the queue. */
  #holderCount = 0;
  /** No appends are let in. */
  isSealed: boolean;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.isSealed = options.isSealed;
    this.#loop = new WriteLoop(options);
    this.#admission = new AppendAdmission(options);
  }

  get highWatermark(): bigint {
    return this.#loop.highWatermark;
  }

  get nextOffset(): bigint {
    return this.#loop.placer.nextOffset;
  }

  get config(): TopicConfig {
    return this.#loop.config;
  }

  get isOnline(): boolean {
    return this.#loop.isOnline;
  }

  get watched(): Watched {
    return this.#loop;
  }

  append(batch: Uint8Array): Promise<AppendedBatch> {
    try {
      const { queue, config } = this.#loop;
      this.#checkAppendable(batch.length);
      const admitted = this.#admission.admit(batch, config);
      if ('duplicate' in admitted) return admitted.duplicate;
      const isPlaced = config.durability === 'memory' && this.#holderCount === 0 && queue.unplacedCount === 0;
      const { promise: appended, resolve, reject } = Promise.withResolvers<AppendedBatch>();
      const settle = { resolve: (placed: RecordBatchHeader) => resolve(this.#admission.answer(placed)), reject };
      const state = { isPlaced, isAcknowledged: false, isSettled: false };
      const waiting: WaitingBatch = { ...admitted, batch, ...state, appended, ...settle };
      waiting.producer?.begin(waiting, this.#options.clock.nowMs());
      if (isPlaced) this.#appendInMemory(waiting);
      else queue.add(waiting);
      this.#loop.run();
      return appended;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Appends a batch if `condition` is so behind everything that is queued. */
  async appendIf(batch: Uint8Array, condition: AppendCondition, settle: () => Promise<void>): Promise<AppendedBatch> {
    return this.#alone(async () => {
      const { config, placer } = this.#loop;
      this.#checkAppendable(batch.length);
      this.#checkCondition(condition);
      const admitted = this.#admission.admit(batch, config);
      if ('duplicate' in admitted) return admitted.duplicate;
      const header = placer.place(batch, admitted.header);
      await this.#loop.writeHeld([{ bytes: batch, header }], settle);
      return this.#admission.answer(header);
    });
  }

  /**
   * Appends batches that have their places, behind everything that is queued.
   *
   * @param prepare is called when they are the next, and what they need is to be made ready
   */
  async appendPlaced(
    batches: readonly PlacedBatch[],
    prepare: () => Promise<void>,
    settle: () => Promise<void>,
  ): Promise<void> {
    await this.#alone(async () => {
      await prepare();
      await this.#loop.writeHeld(batches, settle);
    });
  }

  /** Skips offsets while the writing is held: the segments go on behind them already. */
  skip(): void {
    this.#loop.skip();
  }

  /** Runs `action` behind everything that is queued, while nothing is written or committed. */
  async #alone<Result>(action: () => Promise<Result>): Promise<Result> {
    let result: { readonly value: Result } | undefined;
    const goOn = await this.hold(async () => void (result = { value: await action() }));
    goOn();
    return result!.value;
  }

  #checkCondition({ endOffset, leaderEpoch }: AppendCondition): void {
    const end = this.nextOffset;
    const { current } = this.#options.epochs;
    if ((endOffset ?? end) === end && (leaderEpoch ?? current) === current) return;
    const { name } = this.#loop.rejections;
    const message = `${name} ends at ${end}, in leader epoch ${current}`;
    throw new ThroughlineError('APPEND_CONDITION_FAILED', message, {
      details: { endOffset: String(end), leaderEpoch: current },
    });
  }

  /** Begins a new segment behind everything that is queued, if `isWanted` says so then. */
  roll(isWanted: () => Promise<boolean>): Promise<void> {
    return this.#betweenWrites(async () => {
      if (await isWanted()) await this.#loop.roll();
    });
  }

  /** Resolves when everything handed in so far is written or rejected. */
  async flush(): Promise<void> {
    if (!this.#loop.isDiskFull) await this.#betweenWrites(async () => {});
  }

  /**
   * Stops the writing behind everything that is queued, when all of it is written and committed and `prepare` has ended.
   *
   * @returns lets the writing go on
   * @throws what `prepare` throws; PARTITION_OFFLINE, OUT_OF_DISK, CLOSED
   */
  async hold(prepare: () => Promise<void>): Promise<() => void> {
    this.#holderCount++;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let isReleased = false;
    const goOn = (): void => {
      if (!isReleased) this.#holderCount--;
      isReleased = true;
      release();
    };
    try {
      await new Promise<void>((resolve, reject) => {
        const held = async (): Promise<void> => {
          await prepare();
          resolve();
          await released;
        };
        this.#betweenWrites(held).catch(reject);
      });
      return goOn;
    } catch (error) {
      goOn();
      throw error;
    }
  }

  /** Goes by another config from now on; to and from `fsync` only while the writing is held. */
  apply(config: TopicConfig): void {
    const isChanged = (config.durability === 'fsync') !== (this.config.durability === 'fsync');
    assert(
      this.#holderCount > 0 || !isChanged,
      'nothing is written or committed while a topic becomes fsync or ceases to be',
    );
    this.#loop.config = config;
  }

  /**
   * Takes no more; resolves when everything is written and settled.
   *
   * @returns bytes acknowledged in memory that a full disk would not take
   */
  async close(): Promise<number> {
    mayWaitFor('writing');
    this.#isClosed = true;
    await this.#loop.end();
    // Whoever waits for a disk that stays full is told that it has not taken his.
    const { queue, rejections } = this.#loop;
    if (queue.head === undefined) return 0;
    const lostBytes = queue.acknowledgedBytes;
    queue.rejectWaiting('all', rejections.outOfDisk());
    queue.rejectCommands(rejections.closed());
    return lostBytes;
  }

  /** Rejects what is queued, and takes no more. */
  async abandon(): Promise<void> {
    const { queue, rejections } = this.#loop;
    queue.rejectWaiting('unplaced', rejections.closed());
    await this.close();
  }

  /** Takes no appends any more: what the disk has of this partition is not known. */
  goOffline(error: unknown, what: string): void {
    this.#loop.goOffline(error, what);
  }

  /** Runs `run` in its place in the queue, when nothing is being written or committed. */
  async #betweenWrites(run: () => Promise<void>): Promise<void> {
    mayWaitFor('writing');
    const { queue, rejections } = this.#loop;
    if (this.#loop.isDiskFull) throw rejections.outOfDisk();
    if (this.#isClosed) throw rejections.closed();
    await new Promise<void>((resolve, reject) => {
      queue.addCommand({ run: () => run().then(resolve, reject), reject });
      this.#loop.run();
    });
  }

  #appendInMemory(waiting: WaitingBatch): void {
    const { queue, placer } = this.#loop;
    const { batch } = waiting;
    waiting.header = placer.place(batch, waiting.header);
    const { baseOffset } = waiting.header;
    const lastOffset = lastOffsetOf(waiting.header);
    this.#options.tail.keepFrom(this.#options.segments.endOffset);
    this.#options.tail.add(baseOffset, lastOffset, batch);
    // Beyond the bound the writer waits for the disk, as with `os`: a slow disk must not fill the memory.
    if (queue.bytes + batch.length <= this.#options.limits.writeBehindBytesMax) {
      waiting.isAcknowledged = true;
      waiting.resolve(waiting.header);
    }
    queue.add(waiting);
    this.#loop.advance(lastOffset + 1n);
  }

  #checkAppendable(batchBytes: number): void {
    const { rejections, queue } = this.#loop;
    if (this.#isClosed) throw rejections.closed();
    if (!this.isOnline) throw rejections.offline();
    if (this.isSealed) throw rejections.sealed();
    if (this.#loop.isDiskFull) throw rejections.outOfDisk();
    rejections.checkQueue(queue.bytes, batchBytes, this.#options.limits.appendQueueBytesMax);
  }
}
