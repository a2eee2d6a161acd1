// Follows one partition, from a place on: what passes the filters goes to lanes, by its key, and the place moves when what lies
// before it is done. Nothing polls: a record that arrives is handed on in the turn in which its tail step comes.
//
// It reads ahead as far as memory allows (aheadBytesMax), and waits out what may pass. A break in the history of the partition
// (the topic is gone, other records stand where it reads) ends it; whoever opened it finds out where to go on.
import { delayOrAbort, ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { damageFields, murmur2, unknownEpoch, type Log, type TailStep } from '@throughline/log';
import { mappingLimits, retryDelayMs } from '../../defaults.ts';
import type { BatchFailure, BatchOutcome } from './batch-outcome.ts';
import { Lane, type GivenUp, type LaneOptions, type LaneRecord, type PartitionWork } from './lane.ts';
import type { MappingConfig } from './mapping-config.ts';
import { OffsetTracker, type Place } from './offset-tracker.ts';
import type { RecordFilter } from './record-filter.ts';

export interface PartitionPollerOptions {
  readonly log: Log;
  readonly config: MappingConfig;
  readonly partition: number;
  readonly start: Place;
  readonly filter: RecordFilter | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly bytesOf: (record: LogRecord) => number;
  /** As for a lane. */
  readonly eventOf: (records: readonly LogRecord[]) => string | undefined;
  /** As for a lane; the signal aborts when nobody waits for the answer any more. */
  readonly invoke: (
    records: readonly LogRecord[],
    event: string | undefined,
    signal: AbortSignal,
  ) => Promise<BatchOutcome>;
  /** As for a lane. */
  readonly giveUp: (records: readonly GivenUp[], stop: AbortSignal) => Promise<boolean>;
  /** What works on its records in place of lanes. */
  readonly workOf?: ((options: LaneOptions) => PartitionWork) | undefined;
  /** What is before the place is done. */
  readonly onPlace: (place: Place) => void;
  readonly onProblem: (failure: BatchFailure | undefined) => void;
}

/** Breaks in what was read: a new look has to say where to go on. */
const breaks: ReadonlySet<string> = new Set(['UNKNOWN_TOPIC', 'OFFSET_OUT_OF_RANGE', 'LOG_DIVERGED', 'CLOSED']);

export class PartitionPoller {
  readonly #options: PartitionPollerOptions;
  readonly #tracker: OffsetTracker;
  readonly #lanes: readonly PartitionWork[];
  readonly #stop = new AbortController();
  readonly #cancel = new AbortController();
  #aheadBytes = 0;
  #wakeReader: (() => void) | undefined;
  /** Resolves when nothing is at work any more: with the break that ended it, or undefined when it was stopped. */
  readonly ended: Promise<ThroughlineError | undefined>;

  constructor(options: PartitionPollerOptions) {
    const { config, clock, eventOf, invoke, giveUp, onProblem, workOf } = options;
    this.#options = options;
    this.#tracker = new OffsetTracker(options.start);
    const { signal: stop } = this.#stop;
    const laneOptions: LaneOptions = {
      config,
      clock,
      stop,
      cancel: this.#cancel.signal,
      eventOf,
      invoke: (records, event) => invoke(records, event, this.#cancel.signal),
      giveUp: (records) => giveUp(records, stop),
      settled: (records) => this.#settled(records),
      onProblem,
    };
    this.#lanes =
      workOf === undefined
        ? Array.from({ length: config.parallelizationFactor }, () => new Lane(laneOptions))
        : [workOf(laneOptions)];
    this.ended = this.#run();
  }

  /** Begins nothing more; batches under way come to their end. */
  stop(): void {
    this.#stop.abort();
    this.#wakeReader?.();
  }

  /** Ends at once: nobody waits for batches under way, and their records come again. */
  cancel(): void {
    this.#cancel.abort();
    this.stop();
  }

  async #run(): Promise<ThroughlineError | undefined> {
    let broken: ThroughlineError | undefined;
    try {
      await this.#read();
    } catch (thrown) {
      broken = ThroughlineError.from(thrown);
    }
    this.stop();
    await Promise.all(this.#lanes.map((lane) => lane.ended));
    return broken;
  }

  async #read(): Promise<void> {
    const { log, config, partition, clock, logger, onProblem } = this.#options;
    const { topic } = config;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { offset, leaderEpoch } = this.#tracker.read;
      const offsets = Array.from({ length: partition + 1 }, (_, index) => (index === partition ? offset : 0n));
      const lastEpochs = offsets.map((_, index) => (index === partition ? leaderEpoch : unknownEpoch));
      try {
        const steps = log.tail({
          topic,
          from: { offsets, lastEpochs },
          partitions: [partition],
          signal,
          onDamage: (damage) =>
            logger.error(damageFields(damage), 'the log is damaged: a mapping goes on without these records'),
        });
        for await (const step of steps) {
          this.#take(step);
          await this.#room();
          if (signal.aborted) return;
        }
        if (!signal.aborted) throw new ThroughlineError('CLOSED', 'the log is closed');
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (breaks.has(error.code)) throw error;
        onProblem({ errorCode: error.code, errorType: error.name, errorMessage: error.message });
        logger.error({ topic, partition, ...error.toJSON() }, 'a mapping cannot read its topic; trying again');
        await delayOrAbort(clock, retryDelayMs, signal);
      }
    }
  }

  #take({ records, nextOffset, lastEpoch }: TailStep): void {
    const { filter, bytesOf } = this.#options;
    const byLane = this.#lanes.map((): LaneRecord[] => []);
    for (const record of records) {
      const { offset, leaderEpoch = unknownEpoch } = record;
      if (filter === undefined || filter(record)) {
        const open = this.#tracker.opened(offset);
        const bytes = bytesOf(record);
        this.#aheadBytes += bytes;
        byLane[this.#laneOf(record)]!.push({ record, open, bytes, failureCount: 0 });
      }
      this.#tracker.moveTo(offset + 1n, leaderEpoch);
    }
    this.#tracker.moveTo(nextOffset, lastEpoch);
    for (const [index, lane] of this.#lanes.entries()) if (byLane[index]!.length > 0) lane.add(byLane[index]!);
    // Where nothing is under way, what was passed is behind us.
    if (this.#tracker.openCount === 0) this.#options.onPlace(this.#tracker.place);
  }

  /**
   * Records of one key are in one lane; those without a key have no order. The partition was found by the same hash, whose low
   * bits are alike for all keys in it: the lane takes others.
   */
  #laneOf({ key, offset }: LogRecord): number {
    const { length } = this.#lanes;
    if (length === 1) return 0;
    return key === null ? Number(offset % BigInt(length)) : (Math.imul(murmur2(key), 0x9e3779b1) >>> 16) % length;
  }

  #settled(records: readonly LaneRecord[]): void {
    let hasMoved = false;
    for (const { open, bytes } of records) {
      this.#aheadBytes -= bytes;
      hasMoved = this.#tracker.done(open) || hasMoved;
    }
    if (hasMoved) this.#options.onPlace(this.#tracker.place);
    this.#wakeReader?.();
  }

  /** Resolves when there is room to read on. */
  async #room(): Promise<void> {
    const countMax = 2 * this.#options.config.batchSize * this.#lanes.length;
    const isFull = (): boolean =>
      this.#tracker.openCount >= mappingLimits.openCountMax ||
      this.#aheadBytes >= mappingLimits.aheadBytesMax ||
      (this.#tracker.openCount >= countMax && this.#aheadBytes >= mappingLimits.aheadBytesMax / 4);
    while (isFull() && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
  }
}
