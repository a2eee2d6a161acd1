// Reads the topic from the checkpoint on and folds it into conversations, for as long as the supervisor runs: a consumer that
// hands on record by record. Where retention has removed what was to be read next, what is left is read; another history
// (the topic was made again, or has other records under the same offsets) is read from its beginning.
import { eventFromRecord, type Clock, type Logger, type LogRecord, type PlacedEvent } from '@throughline/event';
import {
  Consumer,
  foldStatus,
  type Assignment,
  type FoldStatus,
  type HistoryBreak,
  type StartPosition,
} from '@throughline/fold';
import type { Log, TopicDescription } from '@throughline/log';
import type { Conversations, Folded } from './conversations.ts';
import { checkpointMs, retryDelayMs, saveRecordsMin } from './defaults.ts';

export interface TopicReaderOptions {
  readonly log: Log;
  readonly topic: string;
  readonly conversations: Conversations;
  readonly assignment: Assignment;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called in the order of the log, after the event has been folded. */
  onEvent(event: PlacedEvent, folded: Folded): void;
  /** Nothing of what was read holds any more: another history begins. */
  onStartOver(): void;
}

export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #consumer: Consumer;
  #isStopped = false;

  constructor(options: TopicReaderOptions) {
    const { log, topic, conversations, assignment, clock, logger } = options;
    this.#options = options;
    this.#consumer = new Consumer({
      log,
      topic,
      name: 'functions',
      handOn: {
        kind: 'each',
        take: (record) => this.#take(record),
        checkpoint: {
          afterMs: checkpointMs,
          save: () => conversations.save(this.#consumer.place(), this.#isStopped),
          isUrgent: () => conversations.isTooLarge,
          urgentRecordsMin: saveRecordsMin,
        },
      },
      onBreak: (broken, description) => this.#onBreak(broken, description),
      onGrown: (description) => conversations.grown(description),
      assignment,
      retriesAll: true,
      retryMsMin: retryDelayMs,
      clock,
      logger,
    });
  }

  status(): FoldStatus {
    return foldStatus(this.#consumer, { name: 'functions', topic: this.#options.topic });
  }

  /** Begins to read, in the topic that `description` describes. */
  start(description: TopicDescription): void {
    this.#consumer.start(description, this.#options.conversations.position);
  }

  /**
   * Resolves when what the topic has at the time of the call has been read.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, CLOSED
   */
  caughtUp(): Promise<void> {
    return this.#consumer.caughtUp();
  }

  /**
   * Resolves once what is before `targets` has been read.
   *
   * @throws ThroughlineError FOLD_LOG_CHANGED when their history has ended, CLOSED
   */
  reached(targets: readonly (bigint | undefined)[]): Promise<void> {
    return this.#consumer.reached(targets);
  }

  /** Reads no more; `finish` follows. */
  stop(): void {
    this.#isStopped = true;
    this.#consumer.stop();
  }

  /** Writes the last checkpoint and closes the store. */
  async finish(): Promise<void> {
    await this.#consumer.close();
    await this.#options.conversations.close();
  }

  #take(record: LogRecord): void {
    const event = eventFromRecord(record);
    this.#options.onEvent(event, this.#options.conversations.apply(event, record));
  }

  async #onBreak({ kind }: HistoryBreak, description: TopicDescription): Promise<StartPosition> {
    const { conversations } = this.#options;
    if (kind === 'behind') {
      const { offsets, marks } = this.#consumer.place();
      const starts = description.partitions.map(({ logStartOffset }) => logStartOffset);
      return { offsets: starts.map((start, partition) => later(start, offsets[partition])), marks };
    }
    this.#options.onStartOver();
    await conversations.rebuild(description);
    return conversations.position;
  }
}

function later(start: bigint, offset: bigint | undefined): bigint {
  return offset !== undefined && offset > start ? offset : start;
}
