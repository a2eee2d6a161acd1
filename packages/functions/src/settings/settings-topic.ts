// What AWS's API has set while the server runs, kept on a topic of the log: one JSON record for each change, with the whole setting,
// under its key; null removes it. Each process on the log folds the topic from its beginning and follows it, so that what one of
// them was told holds for all, and after a restart. The topic is made with the first setting.
import { delayOrAbort, fromUtf8, ThroughlineError, utf8, type Clock, type Logger } from '@throughline/event';
import type { Log } from '@throughline/log';
import { mappedTopicCheckMs, retryDelayMs } from '../defaults.ts';

export interface SettingsTopicOptions<Setting> {
  readonly log: Log;
  readonly topic: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Narrows what a record says: any client can append to the topic. @throws ThroughlineError INVALID_EVENT, CONFIG_INVALID */
  readonly read: (key: string, value: unknown) => Setting;
  /** In the order of the topic; undefined where the setting was removed. */
  readonly onChange: (key: string, setting: Setting | undefined) => void;
}

export class SettingsTopic<Setting> {
  readonly #options: SettingsTopicOptions<Setting>;
  readonly #stop = new AbortController();
  readonly #known = new Set<string>();
  /** Cut short when this process makes the topic. */
  #hurry = new AbortController();
  #next = 0n;
  readonly #waiting = new Set<() => void>();
  readonly #running: Promise<void>;

  constructor(options: SettingsTopicOptions<Setting>) {
    this.#options = options;
    this.#running = this.#run();
  }

  /**
   * Resolves when everything is folded that the topic has now.
   *
   * @throws ThroughlineError LOG_UNREACHABLE, CLOSED
   */
  async caughtUp(): Promise<void> {
    const { log, topic } = this.#options;
    try {
      const { partitions } = await log.admin.describeTopic(topic);
      await this.#folded(partitions[0]!.highWatermark);
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'UNKNOWN_TOPIC')) throw thrown;
    }
  }

  /**
   * Keeps a setting, or removes it (null); resolves when that is kept and folded here.
   *
   * @throws ThroughlineError what the log says
   */
  async put(key: string, setting: Setting | null): Promise<void> {
    const { log, topic } = this.#options;
    const value = setting === null ? null : utf8(JSON.stringify(setting));
    const records = [{ key: utf8(key), value }];
    const [ack] = await log.append(topic, records).catch(async (thrown: unknown) => {
      if (!ThroughlineError.is(thrown, 'UNKNOWN_TOPIC')) throw thrown;
      await this.#make();
      return log.append(topic, records);
    });
    this.#hurry.abort();
    await this.#folded(ack!.offset + 1n);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#hurry.abort();
    this.#wake();
    await this.#running;
  }

  async #make(): Promise<void> {
    const { log, topic } = this.#options;
    try {
      const config = { retentionMs: null, retentionBytes: null };
      await log.admin.createTopic(topic, { partitions: 1, config });
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'TOPIC_EXISTS')) throw thrown;
    }
  }

  async #folded(offset: bigint): Promise<void> {
    while (this.#next < offset) {
      if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', 'the functions are closed');
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async #run(): Promise<void> {
    const { log, topic, clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const from = { offsets: [this.#next] };
        for await (const { records, nextOffset } of log.tail({ topic, from, signal })) {
          for (const { key, value } of records) if (key !== null) this.#take(fromUtf8(key), value);
          this.#next = nextOffset;
          this.#wake();
        }
        // It ends with the log.
        return;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (error.code === 'CLOSED') return;
        const isGone = error.code === 'UNKNOWN_TOPIC' || error.code === 'OFFSET_OUT_OF_RANGE';
        if (isGone) this.#startOver();
        else logger.error({ topic, ...error.toJSON() }, 'settings cannot be read; trying again');
        await delayOrAbort(clock, isGone ? mappedTopicCheckMs : retryDelayMs, this.#hurry.signal);
        this.#hurry = new AbortController();
      }
    }
  }

  #take(key: string, value: Uint8Array | null): void {
    const { topic, logger, read, onChange } = this.#options;
    if (value === null) {
      if (this.#known.delete(key)) onChange(key, undefined);
      return;
    }
    try {
      const setting = read(key, JSON.parse(fromUtf8(value)));
      this.#known.add(key);
      onChange(key, setting);
    } catch (thrown) {
      const { message: reason } = ThroughlineError.from(thrown);
      logger.error({ topic, key, reason }, 'a record is no setting: skipped');
    }
  }

  /** The topic is not there: neither is what it said. */
  #startOver(): void {
    this.#next = 0n;
    for (const key of this.#known) this.#options.onChange(key, undefined);
    this.#known.clear();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
