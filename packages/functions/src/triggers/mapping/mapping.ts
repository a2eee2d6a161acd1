// An event source mapping: the records of a topic go to a function in batches, and the function's answer decides what becomes of
// them. AWS's Kafka and Kinesis mappings are two shapes of one thing.
//
//   group ─assigned─► start of the partition ─► PartitionPoller ─► lanes ─► Invoker
//     ▲                                             │                └────► dead letters
//     └──────────────── commits ◄── place ──────────┘
//
// At least once, and in the order of each key within a partition: an offset is committed only after the batch with its record has
// succeeded, or its dead letter is on the log, or the record was passed (by a filter, or without a place for dead letters).
// Nothing is kept but the group's offsets, so that whoever takes a partition over goes on where they say (decision 0110).
import { delayOrAbort, ThroughlineError, valueUnlessFailed, type LogRecord } from '@throughline/event';
import { unknownEpoch, type TopicDescription } from '@throughline/log';
import { mappedTopicCheckMs, mappingCloseMs, retryDelayMs } from '../../defaults.ts';
import { newRequestId } from '../../invoker/request-id.ts';
import type { RunningTrigger, TriggeredFunction, TriggerServices, TriggerStatus } from '../trigger.ts';
import { outcomeOf, type BatchFailure, type BatchOutcome } from './batch-outcome.ts';
import { DeadLetters } from './dead-letters.ts';
import { kafkaShape, kinesisShape, type EventShape } from './event-shape.ts';
import type { MappingConfig } from './mapping-config.ts';
import type { LaneOptions, PartitionWork } from './lane.ts';
import { MappingGroup, type CommitNote } from './mapping-group.ts';
import type { Place } from './offset-tracker.ts';
import { PartitionPoller } from './partition-poller.ts';
import { compileFilters, type RecordFilter } from './record-filter.ts';
import { startIn } from './start-position.ts';

export interface MappingOptions {
  /** AWS's name of it. */
  readonly uuid: string;
  /** The consumer group that has its place. */
  readonly group: string;
  readonly config: MappingConfig;
  readonly target: TriggeredFunction;
  readonly services: TriggerServices;
  /** What is done with a batch; where absent, the function is called with it. */
  readonly deliver?: (records: readonly LogRecord[]) => Promise<BatchOutcome>;
  /** What works on the records of a partition; where absent, lanes do, in their order. */
  readonly work?: (partition: WorkedPartition, options: LaneOptions) => MappedWork;
}

/** A partition as whoever works on it sees it. */
export interface WorkedPartition {
  readonly partition: number;
  readonly topicId: string;
  /** As it was committed. */
  readonly receiptsFrom: bigint | undefined;
}

export interface MappedWork extends PartitionWork {
  /** What a commit says of it from the place on. */
  receiptsFrom(place: Place): bigint | undefined;
}

/** A partition that the group has given to this process. */
interface Held {
  readonly partition: number;
  readonly stop: AbortController;
  poller: PartitionPoller | undefined;
  following: Promise<void>;
}

const nobodyListens = { write: (): void => {} };

export class Mapping implements RunningTrigger {
  readonly options: MappingOptions;
  readonly #shape: EventShape;
  readonly #filter: RecordFilter | undefined;
  readonly #deadLetters: DeadLetters;
  readonly #group: MappingGroup | undefined;
  readonly #held = new Map<number, Held>();
  readonly #stop = new AbortController();
  /** The topic when the mapping was started; undefined where there was none. */
  readonly #first: Promise<TopicDescription | undefined>;
  #note: CommitNote | undefined;
  /** Why the topic cannot be followed, and by partition what its batches wait for. */
  readonly #problems = new Map<number | 'topic', BatchFailure>();

  constructor(options: MappingOptions) {
    const { config, group, services } = options;
    const { log, member, clock, logger, bootstrapServers } = services;
    this.options = options;
    this.#shape = config.type === 'kafka' ? kafkaShape(bootstrapServers) : kinesisShape;
    this.#filter = compileFilters(config);
    this.#deadLetters = new DeadLetters(options, (failure) => this.#problem('topic', failure));
    this.#first = valueUnlessFailed(config.enabled ? this.#describe() : undefined);
    if (!config.enabled) return;
    this.#group = new MappingGroup({
      log,
      group,
      topic: config.topic,
      member,
      clock,
      logger,
      onAssigned: (partition) => this.#hold(partition),
      onRevoked: (partition) => this.#release(partition, false),
      onLost: (partition) => void this.#release(partition, true),
    });
    this.#watchLater();
  }

  status(): TriggerStatus {
    const { config, target } = this.options;
    const [failure] = this.#problems.values();
    const { problem = this.#group?.problem } = failure === undefined ? {} : { problem: told(failure) };
    return {
      type: config.type,
      functionName: target.name,
      source: config.topic,
      ...(problem === undefined ? {} : { problem: { code: problem.code, message: problem.message } }),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const all = [...this.#held.values()];
    for (const held of all) {
      held.stop.abort();
      held.poller?.stop();
    }
    const ended = new AbortController();
    void Promise.all(all.map(({ following }) => following)).finally(() => ended.abort());
    if (all.length > 0) await delayOrAbort(this.options.services.clock, mappingCloseMs, ended.signal);
    // What has not ended by now is given back: its records come again.
    for (const { poller } of all) poller?.cancel();
    await this.#group?.close();
  }

  #hold(partition: number): void {
    const held: Held = { partition, stop: new AbortController(), poller: undefined, following: Promise.resolve() };
    // It may be assigned again while it still comes to an end.
    const before = this.#held.get(partition)?.following;
    this.#held.set(partition, held);
    held.following = this.#follow(held, before);
  }

  async #release(partition: number, isLost: boolean): Promise<void> {
    const held = this.#held.get(partition);
    if (held === undefined) return;
    held.stop.abort();
    if (isLost) held.poller?.cancel();
    else held.poller?.stop();
    await held.following;
    if (this.#held.get(partition) === held) this.#held.delete(partition);
    this.#problems.delete(partition);
  }

  /** Works on a partition until it is released, over every break in its history. Never rejects. */
  async #follow(held: Held, before: Promise<void> | undefined): Promise<void> {
    const { clock, logger } = this.options.services;
    const { topic } = this.options.config;
    const { partition, stop } = held;
    await before;
    let resume: Place | undefined;
    while (!stop.signal.aborted) {
      try {
        const start = await this.#startOf(partition, resume);
        resume = undefined;
        if (stop.signal.aborted) return;
        held.poller = this.#poller(partition, start);
        this.#problems.delete('topic');
        const broken = await held.poller.ended;
        held.poller = undefined;
        // Its topic was made again: the next look says where to go on.
        if (broken === undefined) continue;
        resume = resumeAfter(broken);
        throw broken;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (error.code === 'CLOSED') return;
        this.#problem('topic', { errorCode: error.code, errorType: error.name, errorMessage: error.message });
        logger.warn({ topic, partition, ...error.toJSON() }, 'a mapping looks for its topic again');
        await delayOrAbort(clock, retryDelayMs, stop.signal);
      }
    }
  }

  async #startOf(partition: number, resume: Place | undefined): Promise<Place & Pick<WorkedPartition, 'receiptsFrom'>> {
    const group = this.#group!;
    const { config, services } = this.options;
    group.forget(partition);
    const committed = await group.committed();
    const { place, note, isNew, removedCount } = await startIn({
      partition,
      description: await this.#describe(),
      first: await this.#first,
      committed,
      resume,
      config,
      offsetForTime: (timestampMs) => services.log.admin.offsetForTime(config.topic, partition, timestampMs),
    });
    this.#note = note;
    if (removedCount > 0n) {
      const fields = {
        topic: config.topic,
        partition,
        offset: String(place.offset),
        removedCount: String(removedCount),
      };
      services.logger.error(fields, 'records were removed from the log before a mapping has read them');
    }
    if (isNew) group.commit(partition, place, note);
    const before = committed.find((one) => one.partition === partition)?.note;
    return { ...place, receiptsFrom: before?.topicId === note.topicId ? before.receiptsFrom : undefined };
  }

  #poller(partition: number, start: Place & Pick<WorkedPartition, 'receiptsFrom'>): PartitionPoller {
    const { config, services, work } = this.options;
    const note = this.#note!;
    const { topicId } = note;
    let mapped: MappedWork | undefined;
    const { log, clock, logger } = services;
    return new PartitionPoller({
      log,
      config,
      partition,
      start,
      filter: this.#filter,
      clock,
      logger,
      bytesOf: (record) => this.#shape.bytesOf(record),
      eventOf: (records) => (this.options.deliver === undefined ? this.#shape.event(records) : undefined),
      invoke: (records, event, signal) => this.#invoke(records, event, signal),
      giveUp: (letters, stop) => this.#deadLetters.add(letters, stop),
      workOf: work && ((options) => (mapped = work({ partition, topicId, receiptsFrom: start.receiptsFrom }, options))),
      onPlace: (place) => {
        const receiptsFrom = mapped?.receiptsFrom(place);
        this.#group!.commit(partition, place, receiptsFrom === undefined ? note : { ...note, receiptsFrom });
      },
      onProblem: (failure) => this.#problem(partition, failure),
    });
  }

  async #invoke(records: readonly LogRecord[], event: string | undefined, signal: AbortSignal): Promise<BatchOutcome> {
    const { config, target, services, deliver } = this.options;
    if (deliver !== undefined) return deliver(records);
    const requestId = newRequestId(services.random);
    const request = { requestId, event: event ?? ((): string => this.#shape.event(records)) };
    const settlement = await target.invoker.invoke(request, nobodyListens, signal);
    if (!config.reportBatchItemFailures) return outcomeOf(settlement, undefined);
    return outcomeOf(settlement, (identifier) => {
      const offset = this.#shape.offsetOf(identifier, records[0]!);
      return records.some((record) => record.offset === offset) ? offset : undefined;
    });
  }

  #problem(where: number | 'topic', failure: BatchFailure | undefined): void {
    if (failure === undefined) this.#problems.delete(where);
    else this.#problems.set(where, failure);
  }

  /** A tail does not hear everywhere of a topic that was made again. */
  #watchLater(): void {
    this.options.services.clock.after(mappedTopicCheckMs, () => {
      if (!this.#stop.signal.aborted) void this.#look().finally(() => this.#watchLater());
    });
  }

  async #look(): Promise<void> {
    try {
      const { topicId } = await this.#describe();
      if (this.#held.size === 0) this.#problems.delete('topic');
      if (this.#note === undefined || this.#note.topicId === topicId) return;
      for (const { poller } of this.#held.values()) poller?.cancel();
    } catch (thrown) {
      const { code, name, message } = ThroughlineError.from(thrown);
      this.#problem('topic', { errorCode: code, errorType: name, errorMessage: message });
    }
  }

  #describe(): Promise<TopicDescription> {
    return this.options.services.log.admin.describeTopic(this.options.config.topic).catch((thrown: unknown) => {
      const { code, name, message } = ThroughlineError.from(thrown);
      this.#problem('topic', { errorCode: code, errorType: name, errorMessage: message });
      throw thrown;
    });
  }
}

function told({ errorCode, errorMessage }: BatchFailure): { readonly code: string; readonly message: string } {
  return { code: errorCode, message: errorMessage };
}

/** Where to go on after a break that says so itself; undefined where the group's offset still holds. */
function resumeAfter({ code, details }: ThroughlineError): Place | undefined {
  const { divergesAt, highWatermark } = details;
  // The log has other records from there on, or has lost some: what stands there now has not been worked on.
  if (code === 'LOG_DIVERGED' && typeof divergesAt === 'string') {
    return { offset: BigInt(divergesAt), leaderEpoch: unknownEpoch };
  }
  if (code !== 'OFFSET_OUT_OF_RANGE' || typeof highWatermark !== 'string') return undefined;
  return { offset: BigInt(highWatermark), leaderEpoch: unknownEpoch };
}
