// Reads the topic from the checkpoint on and folds it into conversations, for as long as the supervisor runs. A log that
// cannot be read is asked again; a record that is no event is skipped and counted; the checkpoint follows at a distance.
import {
  delayOrAbort,
  eventFromRecord,
  ThroughlineError,
  type Clock,
  type Logger,
  type LogRecord,
  type PlacedEvent,
  type Timer,
} from '@throughline/event';
import { damagedRecords, damageFields, type Damage, type Log } from '@throughline/log';
import type { Conversations, Folded } from './conversations.ts';
import { checkpointMs, retryDelayMs, saveRecordsMin } from './defaults.ts';

export interface TopicReaderOptions {
  readonly log: Log;
  readonly topic: string;
  readonly conversations: Conversations;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called in the order of the log, after the event has been folded. */
  onEvent(event: PlacedEvent, folded: Folded): void;
}

/** How far the supervisor has read, in the words of a fold's status. */
export interface ReadingStatus {
  readonly name: 'functions';
  readonly topic: string;
  readonly phase: 'catching-up' | 'live' | 'stopped';
  /** Index = partition: the next offset to read, decimal. */
  readonly offsets: readonly string[];
  readonly lagRecords: number;
  /** Records that are no valid event, since the start. */
  readonly skippedRecords: number;
  /** Offsets that could not be read because the log is damaged there, since the start. */
  readonly damagedRecords: number;
}

export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<{ readonly targets: readonly bigint[]; readonly resolve: () => void }>();
  #reading: Promise<void> = Promise.resolve();
  #isBehind = true;
  #skippedRecords = 0;
  #damagedRecords = 0;
  /** Index = partition, as last seen. */
  #highWatermarks: bigint[] = [];
  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #recordsSinceSave = 0;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
  }

  status(): ReadingStatus {
    const offsets = this.#options.conversations.positions;
    let lag = 0n;
    for (const [partition, offset] of offsets.entries()) lag += (this.#highWatermarks[partition] ?? offset) - offset;
    return {
      name: 'functions',
      topic: this.#options.topic,
      phase: this.#stop.signal.aborted ? 'stopped' : this.#isBehind ? 'catching-up' : 'live',
      offsets: offsets.map(String),
      lagRecords: Math.max(0, Number(lag)),
      skippedRecords: this.#skippedRecords,
      damagedRecords: this.#damagedRecords,
    };
  }

  /** Begins to read; resolves when what the topic has now has been read. */
  async start(): Promise<void> {
    const targets = await this.#ends();
    this.#highWatermarks = [...targets];
    this.#reading = this.#readUntilClosed();
    await this.#whenRead(targets);
    this.#isBehind = false;
  }

  /**
   * Resolves when what the topic has at the time of the call has been read.
   *
   * @throws ThroughlineError CLOSED
   */
  async caughtUp(): Promise<void> {
    if (!this.#stop.signal.aborted) await this.#whenRead(await this.#ends());
    if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', 'the supervisor is closed');
  }

  /** Reads no more; `finish` follows. */
  stop(): void {
    this.#stop.abort();
    this.#saveTimer?.cancel();
  }

  /** Writes the last checkpoint and closes the store. */
  async finish(): Promise<void> {
    await this.#reading;
    await this.#save();
    await this.#options.conversations.close();
    for (const { resolve } of this.#waiters) resolve();
  }

  async #readUntilClosed(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
        if (!signal.aborted) throw new ThroughlineError('CLOSED', 'the log has ended the tail');
      } catch (cause) {
        const error = ThroughlineError.from(cause);
        if (signal.aborted) return;
        logger.error({ code: error.code, reason: error.message }, 'supervisor cannot read the log');
        if (error.code === 'CLOSED') return;
        if (error.code === 'OFFSET_OUT_OF_RANGE') await this.#skipRemoved();
        await delayOrAbort(clock, retryDelayMs, signal);
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { log, topic, conversations } = this.#options;
    const onDamage = (damage: Damage): void => {
      this.#damagedRecords += damagedRecords(damage);
      this.#options.logger.error(damageFields(damage), 'the log is damaged: functions go on without these records');
    };
    const tail = log.tail({ topic, from: { offsets: conversations.positions }, signal, onDamage });
    for await (const { partition, records, nextOffset, highWatermark } of tail) {
      this.#highWatermarks[partition] = highWatermark;
      for (const record of records) this.#read(record);
      conversations.skipTo(partition, nextOffset);
      for (const waiter of this.#waiters) {
        if (!this.#hasRead(waiter.targets)) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
      this.#recordsSinceSave += records.length;
      if (conversations.isTooLarge && this.#recordsSinceSave >= saveRecordsMin) await this.#save();
      else this.#saveLater();
      // A log in memory would otherwise keep everything else waiting until it has been read to its end.
      if (this.#isBehind) await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  #read(record: LogRecord): void {
    const { conversations, logger } = this.#options;
    conversations.passed(record);
    let event: PlacedEvent;
    let folded: Folded;
    try {
      event = eventFromRecord(record);
      folded = conversations.apply(event, record);
    } catch (error) {
      if (!ThroughlineError.is(error, 'INVALID_EVENT')) throw error;
      this.#skippedRecords++;
      logger.warn({ partition: record.partition, reason: error.message }, 'record is no valid event: skipped');
      return;
    }
    this.#options.onEvent(event, folded);
  }

  /** Retention has removed what was to be read next: what was in it is lost, what is left is not. */
  async #skipRemoved(): Promise<void> {
    const { log, topic, conversations } = this.#options;
    const { partitions } = await log.admin.describeTopic(topic);
    for (const { partition, logStartOffset } of partitions) conversations.skipTo(partition, logStartOffset);
  }

  #saveLater(): void {
    if (this.#stop.signal.aborted) return;
    this.#saveTimer ??= this.#options.clock.after(checkpointMs, () => {
      this.#saveTimer = undefined;
      void this.#save();
    });
  }

  /** A checkpoint that is not written costs a longer start, and no more. */
  #save(): Promise<void> {
    this.#recordsSinceSave = 0;
    this.#saving = this.#saving
      .then(() => this.#options.conversations.save())
      .catch((cause: unknown) => {
        const { code, message } = ThroughlineError.from(cause);
        this.#options.logger.warn({ code, reason: message }, 'checkpoint of conversations was not written');
      });
    return this.#saving;
  }

  async #ends(): Promise<bigint[]> {
    const { partitions } = await this.#options.log.admin.describeTopic(this.#options.topic);
    return partitions.map(({ highWatermark }) => highWatermark);
  }

  #hasRead(targets: readonly bigint[]): boolean {
    const { positions } = this.#options.conversations;
    return targets.every((target, partition) => (positions[partition] ?? 0n) >= target);
  }

  async #whenRead(targets: readonly bigint[]): Promise<void> {
    if (this.#hasRead(targets)) return;
    await new Promise<void>((resolve) => void this.#waiters.add({ targets, resolve }));
  }
}
