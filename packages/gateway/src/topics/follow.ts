// Follows a topic for one reader, as fast as the reader takes it: a consumer whose batches wait until they are taken. What
// becomes of the topic is a line of its own: that it was deleted, that it was made again (the new one follows from its first
// record), that records are gone unseen.
import { ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { allPartitions, Consumer, onlyPartitions, type HistoryBreak, type StartPosition } from '@throughline/fold';
import type { Damage, Log, TopicDescription } from '@throughline/log';
import { followBatchRecordsMax } from '../defaults.ts';

/** Something that a reader is told between records. */
export interface Notice {
  readonly notice: ThroughlineError;
}

/** What becomes a line: a record, a range that cannot be read, or what has become of the topic. */
export type Line = LogRecord | Damage | Notice;

export interface FollowOptions {
  readonly log: Log;
  readonly description: TopicDescription;
  readonly partitions: readonly number[];
  /** Index = partition. */
  readonly starts: readonly bigint[];
  readonly signal: AbortSignal;
  readonly topicCheckMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Lines in pages, until `signal` aborts or the log is closed.
 *
 * @throws ThroughlineError what keeps the log from being read and does not pass
 */
export async function* follow(options: FollowOptions): AsyncGenerator<readonly Line[]> {
  const { log, description, partitions, starts, signal, topicCheckMs, clock, logger } = options;
  const { topic } = description;
  const pages = new Pages();
  const isWhole = partitions.length === description.partitions.length;
  let damages: Damage[] = [];
  const consumer: Consumer = new Consumer({
    log,
    topic,
    name: `a reader of ${topic}`,
    handOn: {
      kind: 'batch',
      take: async ({ records }) => {
        const lines = [...damages, ...records];
        damages = [];
        if (lines.length > 0) await pages.put(lines);
      },
      recordsMax: followBatchRecordsMax,
      windowMs: 0,
    },
    onDamage: (damage) => damages.push(damage),
    onBreak: (broken, now) => {
      pages.tell(broken.error);
      return goOn(broken, now, consumer.positions);
    },
    onPhase: (_, phase) => {
      if (phase.name === 'absent') pages.tell(phase.failure.error);
    },
    assignment: isWhole ? allPartitions : onlyPartitions(partitions),
    topicCheckMs,
    clock,
    logger,
  });
  const end = (): void => pages.end();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    consumer.start(description, { offsets: starts });
    void consumer.stopped.then((error) => pages.end(error));
    for (let page = await pages.take(); page !== undefined; page = await pages.take()) yield page;
  } finally {
    signal.removeEventListener('abort', end);
    pages.end();
    await consumer.close();
  }
}

function goOn(
  { kind, error }: HistoryBreak,
  { partitions }: TopicDescription,
  positions: readonly bigint[],
): StartPosition {
  if (kind === 'remade') return { offsets: [] };
  // Under the offsets that the reader has seen stand others now, and nobody knows from where on.
  if (kind !== 'behind') throw error ?? new ThroughlineError('INTERNAL', `a follower met ${kind}`);
  return {
    offsets: partitions.map(({ partition, logStartOffset }) => {
      const position = positions[partition] ?? logStartOffset;
      return position > logStartOffset ? position : logStartOffset;
    }),
  };
}

/** Pages on their way to one reader. */
class Pages {
  #waiting: (readonly Line[])[] = [];
  #isOver = false;
  #error: ThroughlineError | undefined;
  #taken: (() => void) | undefined;
  #wake: (() => void) | undefined;

  /** Resolves when the reader has come for it. */
  put(lines: readonly Line[]): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#waiting.push(lines);
    this.#wake?.();
    return new Promise((resolve) => (this.#taken = resolve));
  }

  tell(error: ThroughlineError | undefined): void {
    if (error === undefined || this.#isOver) return;
    this.#waiting.push([{ notice: error }]);
    this.#wake?.();
  }

  end(error?: ThroughlineError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A log that is closed is the end of what there is to follow.
    if (error?.code !== 'CLOSED') this.#error = error;
    this.#taken?.();
    this.#wake?.();
  }

  /** The next page, or undefined at the end. */
  async take(): Promise<readonly Line[] | undefined> {
    for (;;) {
      const page = this.#waiting.shift();
      if (page !== undefined) {
        if (this.#waiting.length === 0) this.#taken?.();
        return page;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
