// What the tests of asynchronous invocations share: a log in memory, a clock that stands still, and a function that is made up.
import { fromUtf8, seededRandom, silentLogger, type LogRecord } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { asyncTopic, functionDefaults } from '../defaults.ts';
import type { InvocationError, InvocationRequest, InvocationSink, Settlement } from '../invoker/invocation-contract.ts';
import type { AsyncEvent } from '../triggers/trigger.ts';
import { asyncConfigOf, type AsyncConfig } from './async-config.ts';
import { AsyncInvocations } from './async-invocations.ts';

export const minuteMs = 60_000;

/** What a handler does: its answer as JSON, or how it fails. */
type Handler = (event: string) => string | InvocationError;

export class FakeFunction {
  readonly calls: { readonly event: string; readonly requestId: string }[] = [];
  handler: Handler = () => 'null';
  /** What waits for `release`. */
  isHeld = false;
  reservedConcurrency: number | undefined;
  runningCount = 0;
  runningCountMax = 0;
  readonly #held: (() => void)[] = [];

  readonly invoke = async (
    { event, requestId }: InvocationRequest,
    _sink: InvocationSink,
    signal: AbortSignal,
  ): Promise<Settlement> => {
    const text = typeof event === 'string' ? event : event();
    this.calls.push({ event: text, requestId });
    this.runningCount++;
    this.runningCountMax = Math.max(this.runningCount, this.runningCountMax);
    if (this.isHeld) {
      await new Promise<void>((resolve) => {
        this.#held.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    this.runningCount--;
    const answer = signal.aborted ? errorOf('INVOCATION_CANCELLED') : this.handler(text);
    return typeof answer === 'string' ? settled(answer, undefined) : settled(undefined, answer);
  };

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

export const fails =
  (code: InvocationError['code']): Handler =>
  () =>
    errorOf(code);

function errorOf(code: InvocationError['code']): InvocationError {
  return { code, errorType: code, errorMessage: `it is ${code}`, trace: [], isRetriable: false };
}

function settled(value: string | undefined, error: InvocationError | undefined): Settlement {
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
  /** Starts a server's asynchronous invocations, and waits until it has its partitions. */
  readonly start: () => Promise<AsyncInvocations>;
  /** Hands an event of function `worker` to the server that was started last, or to `server`. */
  readonly accept: (event: Partial<AsyncEvent>, server?: AsyncInvocations) => Promise<string>;
  /** What the topic holds. */
  readonly records: (topic?: string) => Promise<readonly LogRecord[]>;
}

export async function bench(
  test: { after(action: () => Promise<void>): void },
  config: Partial<AsyncConfig> = {},
): Promise<Bench> {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  const fake = new FakeFunction();
  const invoker = {
    invoke: fake.invoke,
    config: {
      ...functionDefaults,
      name: 'worker',
      entry: '/worker.ts',
      env: {},
      secrets: {},
      environmentsMax: 2,
      get reservedConcurrency() {
        return fake.reservedConcurrency;
      },
    },
  };
  let last: AsyncInvocations | undefined;
  return {
    clock,
    log,
    fake,
    async start() {
      const server = new AsyncInvocations({
        functions: new Map([['worker', { invoker, config: asyncConfigOf(config) }]]),
        log,
        durability: undefined,
        member: {},
        clock,
        random: seededRandom(1),
        logger: silentLogger,
      });
      last = server;
      test.after(async () => {
        const closing = server.close();
        await clock.advance(10_000);
        await closing;
      });
      await clock.settle();
      return server;
    },
    accept: (event, server = last) =>
      server!.accept({ functionName: 'worker', event: '{}', origin: 'test', id: 'a', ...event }),
    async records(topic = asyncTopic) {
      const { partitions: all } = await log.admin.describeTopic(topic);
      const reads = await Promise.all(all.map(({ partition }) => log.read({ topic, partition, offset: 0n })));
      return reads.flatMap(({ records }) => records);
    },
  };
}

/** What the records say: `accepted id`, `retried id`, … */
export async function kinds(records: Bench['records']): Promise<readonly string[]> {
  return (await records()).map(({ key, headers }) => {
    const kind = headers.find((header) => header.key === 'throughline-kind')?.value;
    return `${fromUtf8(kind!)} ${fromUtf8(key!)}`;
  });
}
