// A consumer on a bench: a log in memory whose tails can be cut and whose answers can be withheld, a clock that stands
// still, and every step from phase to phase written down.
import type { TestContext } from 'node:test';
import {
  ThroughlineError,
  utf8,
  type ErrorCode,
  type LogFields,
  type Logger,
  type LogRecord,
} from '@throughline/event';
import type { Log, TailRequest, TailStep, TopicDescription } from '@throughline/log';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { Consumer, type ConsumerOptions } from './consumer.ts';
import type { Batch } from './hand-on.ts';
import type { HistoryBreak } from './history-break.ts';
import type { PhaseName } from './phases.ts';
import type { StartPosition } from './progress.ts';

export const failure = (code: ErrorCode): ThroughlineError => new ThroughlineError(code, `a test asked for ${code}`);

export class Bench {
  readonly memory = new MemoryLog();
  readonly clock = new VirtualClock();
  /** `from on to` of each step. */
  readonly steps: string[] = [];
  /** Values of the records that were handed on. */
  readonly taken: string[] = [];
  readonly logged: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = [];
  readonly consumer: Consumer;
  readonly log: Log;
  /** What tails and looks fail with, while it is set. */
  tailError: ThroughlineError | undefined;
  lookError: ThroughlineError | undefined;
  /** Tails hear nothing of their topic's end. */
  isDeaf = false;
  onTake: (values: readonly string[]) => void = () => {};
  onBreak: (cause: HistoryBreak, description: TopicDescription) => StartPosition | Promise<StartPosition> = () => ({
    offsets: [],
  });
  #cut: (error: ThroughlineError) => void = () => {};

  constructor(t: TestContext, extra: (bench: Bench) => Partial<ConsumerOptions> = () => ({})) {
    this.log = Object.assign(Object.create(this.memory) as Log, {
      append: this.memory.append.bind(this.memory),
      read: this.memory.read.bind(this.memory),
      tail: (request: TailRequest) => this.#tail(request),
      admin: {
        ...this.memory.admin,
        describeTopic: async (topic: string): Promise<TopicDescription> => {
          if (this.lookError !== undefined) throw this.lookError;
          return this.memory.admin.describeTopic(topic);
        },
      },
    });
    this.consumer = new Consumer({
      log: this.log,
      topic: 'words',
      name: 'bench',
      handOn: { kind: 'batch', take: (batch) => this.#take(batch), recordsMax: 1000, windowMs: 0 },
      onBreak: (cause, description) => this.onBreak(cause, description),
      onPhase: (on, to, from) => void this.steps.push(`${from.name} ${on} ${to.name}`),
      clock: this.clock,
      logger: this.#logger(),
      ...extra(this),
    });
    t.after(() => this.consumer.close());
  }

  /** Makes the topic, with a record for each word in partition 0. */
  async make(words: readonly string[] = [], partitions = 1): Promise<void> {
    await this.memory.admin.createTopic('words', { partitions });
    await this.append(words);
  }

  async append(words: readonly string[], partition = 0): Promise<void> {
    await this.memory.append(
      'words',
      words.map((word) => ({ key: null, value: utf8(word), partition, timestampMs: 1 })),
    );
  }

  async start(broken?: HistoryBreak): Promise<void> {
    this.consumer.start(await this.memory.admin.describeTopic('words'), { offsets: [] }, broken);
  }

  /** Starts it and waits until it is live. */
  async live(): Promise<void> {
    await this.start();
    await this.phase('live');
  }

  /** Makes the tail under way fail. */
  cut(error: ThroughlineError): void {
    this.#cut(error);
  }

  async remake(words: readonly string[] = []): Promise<void> {
    await this.memory.admin.deleteTopic('words');
    await this.make(words);
  }

  phase(name: PhaseName): Promise<void> {
    return this.until(() => this.consumer.phase.name === name);
  }

  /** Waits, turn by turn, without moving time. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      if (turn > 10_000) throw new Error(`it did not come to that: ${this.steps.join(', ')}`);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async #take({ records }: Batch): Promise<void> {
    const values = records.map(valueOf);
    this.onTake(values);
    this.taken.push(...values);
  }

  async *#tail(request: TailRequest): AsyncGenerator<TailStep> {
    if (this.tailError !== undefined) throw this.tailError;
    const stop = new AbortController();
    let cutBy: ThroughlineError | undefined;
    this.#cut = (error) => {
      cutBy = error;
      stop.abort();
    };
    const { signal } = request;
    const signals = signal === undefined ? [stop.signal] : [signal, stop.signal];
    try {
      yield* this.memory.tail({ ...request, signal: AbortSignal.any(signals) });
    } catch (error) {
      if (!this.isDeaf) throw error;
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    }
    if (cutBy !== undefined) throw cutBy;
  }

  #logger(): Logger {
    const at =
      (level: string) =>
      (fields: LogFields, message: string): void =>
        void this.logged.push({ level, fields, message });
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }
}

export const valueOf = (record: LogRecord): string => new TextDecoder().decode(record.value ?? undefined);
