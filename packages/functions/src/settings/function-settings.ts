// What AWS's API has set of functions while the server runs, on topic `_throughline.function-settings`: key
// `<function>/<kind>`, value the setting as JSON.
//
//   event-invoke    of asynchronous invocations: attempts, age and destinations, in place of the configuration's
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
} from '@throughline/event';
import type { Log } from '@throughline/log';
import { functionSettingsTopic, retryDelayMs } from '../defaults.ts';
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

const destination = optional(object({ to: string(), said: string() }));
const eventInvoke = object({
  changedMs: number(),
  maximumRetryAttempts: optional(number({ min: 0, integer: true })),
  maximumEventAgeSeconds: optional(number({ min: 0, integer: true })),
  onSuccess: destination,
  onFailure: destination,
});

export interface FunctionSettingsOptions {
  readonly log: Log;
  /** By function: what the configuration says, where it says anything. */
  readonly configured: ReadonlyMap<string, EventInvokeSetting>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FunctionSettings {
  readonly #options: FunctionSettingsOptions;
  readonly #topic: SettingsTopic<EventInvokeSetting>;
  readonly #eventInvoke = new Map<string, EventInvokeSetting>();
  readonly #stop = new AbortController();
  /** Resolves when what is kept on the topic is known, or when it was closed before. Never rejects. */
  readonly ready: Promise<void>;

  constructor(options: FunctionSettingsOptions) {
    const { log, clock, logger } = options;
    this.#options = options;
    this.#topic = new SettingsTopic({
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

  /** What is in force and was said by somebody: by AWS's API, or by the configuration. @throws ThroughlineError what the log says */
  async currentEventInvoke(functionName: string): Promise<EventInvokeSetting | undefined> {
    await this.#topic.caughtUp();
    return this.eventInvoke(functionName) ?? this.#options.configured.get(functionName);
  }

  /** Keeps a setting in place of the configuration's; null removes it. @throws ThroughlineError what the log says */
  async putEventInvoke(functionName: string, setting: Omit<EventInvokeSetting, 'changedMs'> | null): Promise<void> {
    const kept = setting === null ? null : { ...setting, changedMs: this.#options.clock.nowMs() };
    await this.#topic.put(`${functionName}/event-invoke`, kept);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#topic.close();
    await this.ready;
  }

  #changed(key: string, setting: EventInvokeSetting | undefined): void {
    const [functionName = ''] = key.split('/');
    const { configured, logger } = this.#options;
    if (setting === undefined) {
      this.#eventInvoke.delete(functionName);
      return;
    }
    this.#eventInvoke.set(functionName, setting);
    if (configured.has(functionName)) {
      const fields = { function: functionName, topic: functionSettingsTopic };
      logger.warn(fields, 'AWS’s API has set asynchronous invocations otherwise than the configuration: that holds');
    }
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

function readSetting(key: string, value: unknown): EventInvokeSetting {
  if (!/^[A-Za-z0-9_-]{1,64}\/event-invoke$/.test(key)) {
    throw new ThroughlineError('INVALID_EVENT', `${JSON.stringify(key)} is no key of a setting`);
  }
  return parse(eventInvoke, value, 'INVALID_EVENT');
}
