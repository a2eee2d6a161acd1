// The mappings that were made by AWS's API, kept on topic `_throughline.mappings`: one JSON record for each change, with the whole
// mapping, under its UUID; null removes it. Each process on the log folds the topic from its beginning and follows it, so that
// what one of them was told holds for all, and after a restart. The topic is made with the first mapping.
import {
  delayOrAbort,
  fromUtf8,
  number,
  object,
  parse,
  string,
  ThroughlineError,
  unknown,
  utf8,
  type Clock,
  type Logger,
} from '@throughline/event';
import type { Log } from '@throughline/log';
import { mappedTopicCheckMs, mappingsTopic, retryDelayMs } from '../../defaults.ts';
import { readMapping, type MappingConfig } from './mapping-config.ts';

export interface StoredMapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly config: MappingConfig;
  readonly changedMs: number;
}

const schema = object({ functionName: string(), changedMs: number(), config: unknown() });

export interface MappingStoreOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In the order of the topic; undefined where the mapping was removed. */
  readonly onChange: (uuid: string, stored: StoredMapping | undefined) => void;
}

export class MappingStore {
  readonly #options: MappingStoreOptions;
  readonly #stop = new AbortController();
  readonly #known = new Set<string>();
  /** Cut short when this process makes the topic. */
  #hurry = new AbortController();
  #next = 0n;
  readonly #waiting = new Set<() => void>();
  readonly #running: Promise<void>;

  constructor(options: MappingStoreOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /**
   * Resolves when everything is folded that the topic has now.
   *
   * @throws ThroughlineError LOG_UNREACHABLE, CLOSED
   */
  async caughtUp(): Promise<void> {
    try {
      const { partitions } = await this.#options.log.admin.describeTopic(mappingsTopic);
      await this.#folded(partitions[0]!.highWatermark);
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'UNKNOWN_TOPIC')) throw thrown;
    }
  }

  /**
   * Keeps a mapping, or removes it (null); resolves when that is kept and folded here.
   *
   * @throws ThroughlineError what the log says
   */
  async put(uuid: string, stored: StoredMapping | null): Promise<void> {
    const { log } = this.#options;
    const value = stored === null ? null : utf8(JSON.stringify(stored));
    const records = [{ key: utf8(uuid), value }];
    const [ack] = await log.append(mappingsTopic, records).catch(async (thrown: unknown) => {
      if (!ThroughlineError.is(thrown, 'UNKNOWN_TOPIC')) throw thrown;
      await this.#make();
      return log.append(mappingsTopic, records);
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
    try {
      const config = { retentionMs: null, retentionBytes: null };
      await this.#options.log.admin.createTopic(mappingsTopic, { partitions: 1, config });
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
    const { log, clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const from = { offsets: [this.#next] };
        for await (const { records, nextOffset } of log.tail({ topic: mappingsTopic, from, signal })) {
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
        else logger.error({ topic: mappingsTopic, ...error.toJSON() }, 'mappings cannot be read; trying again');
        await delayOrAbort(clock, isGone ? mappedTopicCheckMs : retryDelayMs, this.#hurry.signal);
        this.#hurry = new AbortController();
      }
    }
  }

  #take(uuid: string, value: Uint8Array | null): void {
    const { logger, onChange } = this.#options;
    if (value === null) {
      this.#known.delete(uuid);
      onChange(uuid, undefined);
      return;
    }
    try {
      const { functionName, config, changedMs } = parse(schema, JSON.parse(fromUtf8(value)), 'INVALID_EVENT');
      const stored = { uuid, functionName, changedMs, config: readMapping(config, uuid) };
      this.#known.add(uuid);
      onChange(uuid, stored);
    } catch (thrown) {
      // Any client can append to the topic.
      logger.error(
        { topic: mappingsTopic, uuid, reason: ThroughlineError.from(thrown).message },
        'a record is no mapping: skipped',
      );
    }
  }

  /** The topic is not there: neither is what it said. */
  #startOver(): void {
    this.#next = 0n;
    for (const uuid of this.#known) this.#options.onChange(uuid, undefined);
    this.#known.clear();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
