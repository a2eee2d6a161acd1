// What the tests of mappings share: a log in memory, a clock that stands still, and a function that is made up: it keeps what it
// was called with and answers what the test says.
import { silentLogger, seededRandom, utf8, fromUtf8, type LogRecord } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import type {
  InvocationError,
  InvocationRequest,
  InvocationSink,
  Settlement,
} from '../../invoker/invocation-contract.ts';
import type { Invoker } from '../../invoker/invoker.ts';
import type { TriggerServices } from '../trigger.ts';
import { kafkaKind } from './kinds.ts';
import type { Mapping } from './mapping.ts';

export const topic = 'jobs';

export interface KafkaEvent {
  readonly eventSource: string;
  readonly bootstrapServers: string;
  readonly records: Readonly<Record<string, readonly KafkaEventRecord[]>>;
}
export interface KafkaEventRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly timestampType: string;
  readonly key?: string;
  readonly value?: string;
  readonly headers: readonly Readonly<Record<string, readonly number[]>>[];
}

/** What the handler does with a batch of values: returns, throws an Error, or an InvocationError of the invoker. */
export type Handler = (values: readonly string[], event: KafkaEvent) => unknown;

export class FakeFunction {
  /** The values of each invocation. */
  readonly batches: string[][] = [];
  readonly events: KafkaEvent[] = [];
  handler: Handler = () => null;
  /** What waits for `release`, when `isHeld`. */
  isHeld = false;
  readonly #held: (() => void)[] = [];

  readonly invoke = async (
    request: InvocationRequest,
    _sink: InvocationSink,
    signal: AbortSignal,
  ): Promise<Settlement> => {
    const json = typeof request.event === 'string' ? request.event : request.event();
    const event = JSON.parse(json) as KafkaEvent;
    const values = Object.values(event.records)
      .flat()
      .map(({ value = '' }) => Buffer.from(value, 'base64').toString());
    this.events.push(event);
    this.batches.push(values);
    if (this.isHeld) {
      await new Promise<void>((resolve) => {
        this.#held.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    if (signal.aborted) return settled(undefined, invocationError('INVOCATION_CANCELLED'));
    try {
      return settled(JSON.stringify(await this.handler(values, event)), undefined);
    } catch (thrown) {
      if (thrown instanceof Error) {
        return settled(undefined, { ...invocationError('FUNCTION_ERROR'), errorMessage: thrown.message });
      }
      return settled(undefined, thrown as InvocationError);
    }
  };

  get heldCount(): number {
    return this.#held.length;
  }

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

export function invocationError(code: InvocationError['code']): InvocationError {
  return { code, errorType: code, errorMessage: code, trace: [], isRetriable: false };
}

export function settled(value: string | undefined, error: InvocationError | undefined): Settlement {
  const metering = {
    queueMs: 0,
    isCold: false,
    initMs: undefined,
    durationMs: 1,
    billedMs: 1,
    memoryBytesMax: 0,
    environmentId: 'e',
    logLines: Promise.resolve([]),
  };
  return { head: undefined, value, error, metering };
}

export interface Bench {
  readonly clock: VirtualClock;
  readonly log: MemoryLog;
  readonly fake: FakeFunction;
  /** Starts a mapping of `topic`, with no window. */
  readonly start: (asked?: Readonly<Record<string, unknown>>) => Mapping;
  /** Appends values, in partition 0 unless it says otherwise; `key=value` has a key. */
  readonly produce: (values: readonly string[], partition?: number) => Promise<void>;
  /** What the group of the mapping has committed, by partition. */
  readonly committed: (mapping: Mapping) => Promise<Readonly<Record<number, bigint>>>;
  /** What a topic holds. */
  readonly recordsOf: (name: string) => Promise<readonly LogRecord[]>;
}

export async function bench(
  test: { after(action: () => Promise<void>): void },
  partitions: number | 'no topic' = 1,
): Promise<Bench> {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  if (partitions !== 'no topic') await log.admin.createTopic(topic, { partitions });
  const fake = new FakeFunction();
  const services: TriggerServices = {
    log,
    bootstrapServers: '127.0.0.1:9092',
    member: {},
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    stateDir: '',
    newId: () => '0',
    accept: async () => {},
  };
  return {
    clock,
    log,
    fake,
    start(asked = {}) {
      const config = kafkaKind.read({ type: 'kafka', topic, batchWindowMs: 0, ...asked }, 'triggers[0]');
      const target = { name: 'worker', invoker: { invoke: fake.invoke } as unknown as Invoker };
      const mapping = kafkaKind.start(config, target, services) as Mapping;
      test.after(async () => {
        fake.release();
        const closing = mapping.close();
        await clock.advance(10_000);
        await closing;
      });
      return mapping;
    },
    async produce(values, partition = 0) {
      const records = values.map((value) => {
        const [key, rest] = value.split('=');
        return { key: rest === undefined ? null : utf8(key!), value: utf8(value), partition };
      });
      await log.append(topic, records);
      await clock.settle();
    },
    async committed(mapping) {
      const offsets = await log.admin.committedOffsets(mapping.options.group);
      return Object.fromEntries(offsets.map(({ partition, offset }) => [partition, offset]));
    },
    async recordsOf(name) {
      const { partitions: all } = await log.admin.describeTopic(name);
      const reads = await Promise.all(all.map(({ partition }) => log.read({ topic: name, partition, offset: 0n })));
      return reads.flatMap(({ records }) => records);
    },
  };
}

export function textOf(record: LogRecord): string {
  return record.value === null ? '' : fromUtf8(record.value);
}

/** The headers of a record as text. */
export function headersOf({ headers }: LogRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(headers.map(({ key, value }) => [key, value === null ? '' : fromUtf8(value)]));
}
