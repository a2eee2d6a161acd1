// What AWS's API has set of functions while the server runs, on topic `_throughline.function-settings`: key
// `<function>/<kind>`, value the setting as JSON.
//
//   event-invoke              of asynchronous invocations: attempts, age and destinations
//   reserved-concurrency      invocations at once
//   provisioned-concurrency   processes that are kept loaded
//
// A setting is in force in place of the configuration's until it is removed; then the configuration's is again (decision 0118).
import {
  delayOrAbort,
  number,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  type Clock,
  type Logger,
  type Schema,
} from '@throughline/event';
import type { Log } from '@throughline/log';
import { asyncLimits, functionSettingsTopic, lambdaLimits, retryDelayMs } from '../defaults.ts';
import { SettingsTopic } from './settings-topic.ts';

/** What is not said is AWS's default. */
export interface EventInvokeSetting {
  readonly changedMs: number;
  readonly maximumRetryAttempts?: number | undefined;
  readonly maximumEventAgeSeconds?: number | undefined;
  readonly onSuccess?: SaidDestination | undefined;
  readonly onFailure?: SaidDestination | undefined;
}

/** A destination in the words of the configuration, and as a client has said it: it is answered so. */
export interface SaidDestination {
  readonly to: string;
  readonly said: string;
}

export interface ConcurrencySetting {
  readonly changedMs: number;
  readonly count: number;
}

interface Kinds {
  'event-invoke': EventInvokeSetting;
  'reserved-concurrency': ConcurrencySetting;
  'provisioned-concurrency': ConcurrencySetting;
}
type Kind = keyof Kinds;

const destination = optional(object({ to: string(), said: string() }));
const concurrency = object({ changedMs: number(), count: number({ min: 0, integer: true }) });
const schemas: Readonly<Record<Kind, Schema<Kinds[Kind]>>> = {
  'event-invoke': object({
    changedMs: number(),
    maximumRetryAttempts: optional(number({ min: 0, integer: true })),
    maximumEventAgeSeconds: optional(number({ min: 0, integer: true })),
    onSuccess: destination,
    onFailure: destination,
  }),
  'reserved-concurrency': concurrency,
  'provisioned-concurrency': concurrency,
};

/** A change of one setting; null removes it. */
type Change = {
  readonly [K in Kind]: { readonly kind: K; readonly setting: Omit<Kinds[K], 'changedMs'> | null };
}[Kind];

/** What the configuration says of a function, where it says anything. */
export interface ConfiguredSettings {
  readonly eventInvoke: EventInvokeSetting | undefined;
  readonly reservedConcurrency: number | undefined;
  readonly provisionedConcurrency: number | undefined;
}

export interface FunctionSettingsOptions {
  readonly log: Log;
  /** By function. */
  readonly configured: ReadonlyMap<string, ConfiguredSettings>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a function may run at once, or keeps loaded, is another number now. */
  readonly onConcurrency?: (functionName: string) => void;
}

export class FunctionSettings {
  readonly #options: FunctionSettingsOptions;
  readonly #topic: SettingsTopic<Kinds[Kind]>;
  readonly #eventInvoke = new Map<string, EventInvokeSetting>();
  readonly #concurrency = new Map<string, ConcurrencySetting>();
  readonly #stop = new AbortController();
  /** Resolves when what is kept on the topic is known, or when it was closed before. Never rejects. */
  readonly ready: Promise<void>;

  constructor(options: FunctionSettingsOptions) {
    const { log, clock, logger } = options;
    this.#options = options;
    this.#topic = new SettingsTopic<Kinds[Kind]>({
      log,
      topic: functionSettingsTopic,
      clock,
      logger,
      read: readSetting,
      onChange: (key, setting) => this.#changed(key, setting),
    });
    this.ready = this.#known();
  }

  /** What AWS's API has set, as far as it is known here. */
  eventInvoke(functionName: string): EventInvokeSetting | undefined {
    return this.#eventInvoke.get(functionName);
  }

  reserved(functionName: string): ConcurrencySetting | undefined {
    return this.#concurrency.get(`${functionName}/reserved-concurrency`);
  }

  provisioned(functionName: string): ConcurrencySetting | undefined {
    return this.#concurrency.get(`${functionName}/provisioned-concurrency`);
  }

  configured(functionName: string): Partial<ConfiguredSettings> {
    return this.#options.configured.get(functionName) ?? {};
  }

  /** Resolves when everything is known that is kept now. @throws ThroughlineError LOG_UNREACHABLE, CLOSED */
  caughtUp(): Promise<void> {
    return this.#topic.caughtUp();
  }

  /** Keeps a setting in place of the configuration's, or removes it. @throws ThroughlineError what the log says */
  async put(functionName: string, { kind, setting }: Change): Promise<void> {
    const kept = setting === null ? null : { ...setting, changedMs: this.#options.clock.nowMs() };
    await this.#topic.put(`${functionName}/${kind}`, kept);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#topic.close();
    await this.ready;
  }

  #changed(key: string, setting: Kinds[Kind] | undefined): void {
    const [functionName = ''] = key.split('/');
    const kind = kindOf(key);
    if (setting !== undefined) this.#tellReplaced(functionName, kind);
    if (kind === 'event-invoke') {
      if (setting === undefined || 'count' in setting) this.#eventInvoke.delete(functionName);
      else this.#eventInvoke.set(functionName, setting);
      return;
    }
    if (setting === undefined || !('count' in setting)) this.#concurrency.delete(key);
    else this.#concurrency.set(key, setting);
    this.#options.onConcurrency?.(functionName);
  }

  /** Somebody may look at the file, and wonder. */
  #tellReplaced(functionName: string, kind: Kind): void {
    const { eventInvoke, reservedConcurrency, provisionedConcurrency } = this.configured(functionName);
    const said = {
      'event-invoke': eventInvoke,
      'reserved-concurrency': reservedConcurrency,
      'provisioned-concurrency': provisionedConcurrency,
    };
    if (said[kind] === undefined) return;
    const fields = { function: functionName, kind, topic: functionSettingsTopic };
    this.#options.logger.warn(fields, 'a setting of AWS’s API holds in place of the configuration’s');
  }

  async #known(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await this.#topic.caughtUp();
      } catch {
        // Its reader says why it cannot be read.
        await delayOrAbort(clock, retryDelayMs, signal);
      }
    }
  }
}

/**
 * Narrows a record: a number of processes that no machine has is none, whoever has written it.
 *
 * @throws ThroughlineError INVALID_EVENT
 */
function readSetting(key: string, value: unknown): Kinds[Kind] {
  const setting = parse(schemas[kindOf(key)], value, 'INVALID_EVENT');
  const problem = 'count' in setting ? concurrencyProblem(setting) : eventInvokeProblem(setting);
  if (problem !== undefined) throw new ThroughlineError('INVALID_EVENT', problem);
  return setting;
}

/** What is wrong with a setting beyond its types; undefined where nothing is. */
export function concurrencyProblem({ count }: Pick<ConcurrencySetting, 'count'>): string | undefined {
  const { concurrencyMax } = lambdaLimits;
  return count > concurrencyMax ? `expected a number up to ${concurrencyMax}` : undefined;
}

/** The same of asynchronous invocations, in the words of whoever has said it. */
export function eventInvokeProblem(
  {
    maximumRetryAttempts: attempts = 0,
    maximumEventAgeSeconds: age,
  }: Omit<EventInvokeSetting, 'changedMs' | 'onSuccess' | 'onFailure'>,
  names = { attempts: 'maximumRetryAttempts', age: 'maximumEventAgeSeconds' },
): string | undefined {
  const { maximumRetryAttemptsMax, maximumEventAgeSecondsMin: min, maximumEventAgeSecondsMax: max } = asyncLimits;
  if (attempts > maximumRetryAttemptsMax) {
    return `${names.attempts}: expected a number from 0 to ${maximumRetryAttemptsMax}`;
  }
  if (age !== undefined && (age < min || age > max)) return `${names.age}: expected a number from ${min} to ${max}`;
  return undefined;
}

/** @throws ThroughlineError INVALID_EVENT */
function kindOf(key: string): Kind {
  const [, kind] = /^[A-Za-z0-9_-]{1,64}\/([a-z-]+)$/.exec(key) ?? [];
  if (kind === 'event-invoke' || kind === 'reserved-concurrency' || kind === 'provisioned-concurrency') return kind;
  throw new ThroughlineError('INVALID_EVENT', `${JSON.stringify(key)} is no key of a setting`);
}
