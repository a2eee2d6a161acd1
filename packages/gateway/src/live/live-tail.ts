// The one tail of topic `conversations` that a gateway process has, however many readers are connected: a consumer that
// hands on record by record. It starts at the end of the log: what is older is read through the stream index. Records are
// handed on in log order per partition, in the turn in which they arrive, before anything is stored: no reader waits for a
// database.
//
// Another history (the topic was made again, or has other records under the same offsets) is never spliced onto the old one:
// `onStartOver` drops what is in memory first. A topic that was made again is handed on from its first record.
import { ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { Consumer, type HistoryBreak, type StartPosition } from '@throughline/fold';
import type { Log, TopicDescription } from '@throughline/log';

export interface LiveTailOptions {
  readonly log: Log;
  readonly topic: string;
  /** How long to wait before trying again after the log failed to read. */
  readonly retryMs: number;
  /** How long somebody may wait for an offset. */
  readonly waitMsMax: number;
  readonly topicCheckMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LiveTailListener {
  readonly onRecord: (record: LogRecord) => void;
  /** Nothing of what was handed on holds any more. */
  readonly onStartOver: (description: TopicDescription) => void;
  /** The topic was deleted. */
  readonly onRemoved: () => void;
}

export class LiveTail {
  readonly #options: LiveTailOptions;
  readonly #consumer: Consumer;
  #listener: LiveTailListener | undefined;

  constructor(options: LiveTailOptions) {
    const { log, topic, retryMs, topicCheckMs, clock, logger } = options;
    this.#options = options;
    this.#consumer = new Consumer({
      log,
      topic,
      name: 'live tail',
      handOn: { kind: 'each', take: (record) => this.#listener?.onRecord(record) },
      onBreak: (broken, description) => this.#onBreak(broken, description),
      onPhase: (_, { name }) => {
        if (name === 'absent') this.#listener?.onRemoved();
      },
      retriesAll: true,
      retryMsMin: retryMs,
      topicCheckMs,
      clock,
      logger,
    });
  }

  /** Begins at the end of the topic; whoever listens is handed what is appended from here on. */
  async start(listener: LiveTailListener): Promise<TopicDescription> {
    const description = await this.#options.log.admin.describeTopic(this.#options.topic);
    this.#listener = listener;
    this.#consumer.start(description, { offsets: endsOf(description) });
    return description;
  }

  /** The next offset of `partition` that was not handed on yet. */
  position(partition: number): bigint {
    return this.#consumer.positions[partition] ?? 0n;
  }

  /** Why reading fails at the moment; undefined when it does not. */
  get problem(): ThroughlineError | undefined {
    return this.#consumer.problem;
  }

  /** Why there are no conversations at the moment: their topic is gone, or is another one that is not shown yet. */
  get topicProblem(): ThroughlineError | undefined {
    const { name } = this.#consumer.phase;
    if (name !== 'absent' && name !== 'restarting') return undefined;
    const { topic } = this.#options;
    return new ThroughlineError('TOPIC_DELETED', `topic ${topic} was deleted`, { retryAfterMs: 5_000 });
  }

  /**
   * Resolves when the record at `offset` has been handed on.
   *
   * @throws ThroughlineError CLOSED; FOLD_LOG_CHANGED when the topic was made again meanwhile; what keeps the log from being
   *   read, once that has taken too long
   */
  async reached(partition: number, offset: bigint): Promise<void> {
    const targets: (bigint | undefined)[] = [];
    targets[partition] = offset + 1n;
    const late = new AbortController();
    const timer = this.#options.clock.after(this.#options.waitMsMax, () => {
      const reason = new ThroughlineError('INTERNAL', 'a record was appended and does not come by');
      late.abort(this.problem ?? reason);
    });
    try {
      await this.#consumer.reached(targets, late.signal);
    } finally {
      timer.cancel();
    }
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  #onBreak({ kind }: HistoryBreak, description: TopicDescription): StartPosition {
    const starts = description.partitions.map(({ logStartOffset }) => logStartOffset);
    // Retention has removed what was to be handed on next: what is left follows.
    if (kind === 'behind') return { offsets: starts.map((start, partition) => later(start, this.position(partition))) };
    this.#listener?.onStartOver(description);
    // Conversations of the changed history are read from the log again as they are asked for.
    return { offsets: kind === 'remade' ? starts : endsOf(description) };
  }
}

function endsOf({ partitions }: TopicDescription): bigint[] {
  return partitions.map(({ highWatermark }) => highWatermark);
}

function later(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
