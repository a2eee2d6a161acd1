// The one tail of topic `conversations` that a gateway process has, however many readers are connected. It starts at the
// end of the log: what is older is read through the stream index. Records are handed on in log order per partition, in the
// turn in which they arrive, before anything is stored: no reader waits for a database.
import { assert, delayOrAbort, ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { damageFields, type Damage, type Log } from '@throughline/log';

export interface LiveTailOptions {
  readonly log: Log;
  readonly topic: string;
  readonly onRecord: (record: LogRecord) => void;
  /** How long to wait before trying again after the log failed to read. */
  readonly retryMs: number;
  /** How long somebody may wait for an offset. */
  readonly waitMsMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiter {
  readonly partition: number;
  readonly offset: bigint;
  readonly resolve: () => void;
  readonly reject: (error: ThroughlineError) => void;
}

export class LiveTail {
  readonly #options: LiveTailOptions;
  readonly #positions: bigint[];
  readonly #waiters = new Set<Waiter>();
  readonly #stop = new AbortController();
  #running: Promise<void>;
  #problem: ThroughlineError | undefined;

  private constructor(options: LiveTailOptions, positions: bigint[]) {
    this.#options = options;
    this.#positions = positions;
    this.#running = this.#run();
  }

  static async start(options: LiveTailOptions): Promise<LiveTail> {
    const { partitions } = await options.log.admin.describeTopic(options.topic);
    return new LiveTail(
      options,
      partitions.map(({ highWatermark }) => highWatermark),
    );
  }

  /** The next offset of `partition` that was not handed on yet. */
  position(partition: number): bigint {
    return this.#positions[partition] ?? 0n;
  }

  /** Why reading fails at the moment; undefined when it does not. */
  get problem(): ThroughlineError | undefined {
    return this.#problem;
  }

  /**
   * Resolves when the record at `offset` has been handed on.
   *
   * @throws ThroughlineError CLOSED; what keeps the log from being read, once that has taken too long
   */
  async reached(partition: number, offset: bigint): Promise<void> {
    if (this.position(partition) > offset) return;
    if (this.#stop.signal.aborted) throw closed();
    const { clock, waitMsMax } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { partition, offset, resolve, reject };
    this.#waiters.add(waiter);
    const timer = clock.after(waitMsMax, () => {
      this.#waiters.delete(waiter);
      reject(this.#problem ?? new ThroughlineError('INTERNAL', 'a record was appended and does not come by'));
    });
    try {
      await promise;
    } finally {
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, logger, retryMs, topic } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow();
        // Tails end by themselves only with the log.
        if (!this.#stop.signal.aborted) this.#problem = new ThroughlineError('CLOSED', 'the log is closed');
      } catch (error) {
        this.#problem = ThroughlineError.from(error);
        logger.error({ topic, ...this.#problem.toJSON() }, 'reading the log failed; trying again');
      }
      await delayOrAbort(clock, retryMs, this.#stop.signal);
    }
    for (const waiter of this.#waiters) waiter.reject(closed());
    this.#waiters.clear();
  }

  /** A defect in what one record leads to must not keep the others from everybody. */
  #handOn(record: LogRecord): void {
    const { onRecord, logger, topic } = this.#options;
    try {
      onRecord(record);
    } catch (error) {
      const reason = error instanceof Error ? error.stack : String(error);
      logger.error(
        { topic, partition: record.partition, offset: String(record.offset), reason },
        'a record was not taken',
      );
    }
  }

  async #follow(): Promise<void> {
    const { log, topic } = this.#options;
    const onDamage = (damage: Damage): void =>
      this.#options.logger.error(damageFields(damage), 'the log is damaged: readers go on without these records');
    // Reading can go on as soon as the log tells of the topic: a log without news would otherwise count as broken.
    await log.admin.describeTopic(topic);
    this.#problem = undefined;
    const from = { offsets: [...this.#positions] };
    const steps = log.tail({ topic, from, signal: this.#stop.signal, onDamage });
    for await (const { partition, records, nextOffset } of steps) {
      this.#problem = undefined;
      for (const record of records) {
        assert(record.offset >= this.position(partition), 'a tail goes forward');
        // The position moves first: a reader that asks while it is handed the record finds it counted.
        this.#positions[partition] = record.offset + 1n;
        this.#handOn(record);
      }
      this.#positions[partition] = nextOffset;
      for (const waiter of this.#waiters) {
        if (this.position(waiter.partition) <= waiter.offset) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
    }
  }
}

function closed(): ThroughlineError {
  return new ThroughlineError('CLOSED', 'the gateway is closed');
}
