// All event source mappings of a process: those of the configuration, which are as the application says, and those that were made by
// AWS's API, which can be changed and removed by it. What the API answers is AWS's: states, and errors with AWS's meaning.
//
//   Creating ──► Enabled ◄──► Disabled        between them Enabling, Disabling, Updating: the one that was is coming to its end
//                    └──► Deleting ──► gone
import type { TriggeredFunction, TriggerServices, TriggerStatus } from '../trigger.ts';
import { Mapping } from './mapping.ts';
import type { MappingConfig } from './mapping-config.ts';
import type { SettingsTopic } from '../../settings/settings-topic.ts';
import { openMappingStore, type StoredMapping } from './mapping-store.ts';

export type MappingState = 'Creating' | 'Enabling' | 'Enabled' | 'Disabling' | 'Disabled' | 'Updating' | 'Deleting';

export interface ListedMapping extends StoredMapping {
  /** The consumer group that has its place. */
  readonly group: string;
  readonly state: MappingState;
  /** It is of the configuration, which alone can change it. */
  readonly isConfigured: boolean;
  /** Why nothing is handed on at the moment. */
  readonly problem: TriggerStatus['problem'];
}

interface Entry {
  stored: StoredMapping;
  state: MappingState;
  running: Mapping | undefined;
  /** What was asked of it last; changes of one mapping go in their order. */
  changing: Promise<void>;
}

export interface MappingsOptions {
  readonly functions: ReadonlyMap<string, TriggeredFunction>;
  /** Those of the configuration. */
  readonly configured: readonly Mapping[];
  readonly services: TriggerServices;
  readonly newUuid: () => string;
}

export class Mappings {
  readonly #options: MappingsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #store: SettingsTopic<StoredMapping>;
  readonly #startedMs: number;
  #isClosed = false;

  constructor(options: MappingsOptions) {
    const { log, clock, logger } = options.services;
    this.#options = options;
    this.#startedMs = clock.nowMs();
    this.#store = openMappingStore({ log, clock, logger, onChange: (uuid, stored) => this.#changed(uuid, stored) });
  }

  /** Whether a function of this name can be called. */
  has(functionName: string): boolean {
    return this.#options.functions.has(functionName);
  }

  /** In the order of their UUIDs. @throws ThroughlineError LOG_UNREACHABLE, CLOSED */
  async list(): Promise<readonly ListedMapping[]> {
    await this.#store.caughtUp();
    const made = Array.from(this.#entries.values(), (entry) => this.#listed(entry));
    return [...this.#configured(), ...made].toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1));
  }

  /** @throws ThroughlineError LOG_UNREACHABLE, CLOSED */
  async find(uuid: string): Promise<ListedMapping | undefined> {
    return (await this.list()).find((one) => one.uuid === uuid);
  }

  /** The mapping that is the same already: two would call one function twice for each record. */
  async twin(functionName: string, config: MappingConfig): Promise<ListedMapping | undefined> {
    return (await this.list()).find((one) => isTwin(one, functionName, config));
  }

  /** @throws ThroughlineError what the log says */
  async create(functionName: string, config: MappingConfig): Promise<ListedMapping> {
    const { services, newUuid } = this.#options;
    const uuid = newUuid();
    const stored = { uuid, functionName, config, changedMs: services.clock.nowMs() };
    await this.#store.put(uuid, stored);
    return { ...this.#answer(stored), state: 'Creating' };
  }

  /** Replaces what is said of a mapping that the API has made. @throws ThroughlineError what the log says */
  async update(before: ListedMapping, functionName: string, config: MappingConfig): Promise<ListedMapping> {
    const { uuid } = before;
    const stored = { uuid, functionName, config, changedMs: this.#options.services.clock.nowMs() };
    await this.#store.put(uuid, stored);
    return { ...this.#answer(stored), state: changeOf(before.config, config) };
  }

  /** @throws ThroughlineError what the log says */
  async remove(before: ListedMapping): Promise<ListedMapping> {
    await this.#store.put(before.uuid, null);
    return { ...before, state: 'Deleting' };
  }

  status(): TriggerStatus[] {
    return Array.from(this.#entries.values(), ({ stored, running }) => {
      const { functionName, config } = stored;
      return running?.status() ?? { type: config.type, functionName, source: config.topic };
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#store.close();
    await Promise.all(
      Array.from(this.#entries.values(), async (entry) => {
        await entry.changing;
        await entry.running?.close();
      }),
    );
  }

  #changed(uuid: string, stored: StoredMapping | undefined): void {
    const found = this.#entries.get(uuid);
    if (found === undefined) {
      if (stored === undefined) return;
      const entry: Entry = { stored, state: 'Creating', running: undefined, changing: Promise.resolve() };
      this.#entries.set(uuid, entry);
      this.#open(entry);
      return;
    }
    found.state = stored === undefined ? 'Deleting' : changeOf(found.stored.config, stored.config);
    if (stored !== undefined) found.stored = stored;
    found.changing = found.changing.then(() => this.#replace(found, stored));
  }

  /** The one that was comes to its end before the one that is begins. */
  async #replace(entry: Entry, stored: StoredMapping | undefined): Promise<void> {
    await entry.running?.close();
    entry.running = undefined;
    if (stored !== undefined && entry.stored === stored) this.#open(entry);
    else if (stored === undefined && entry.state === 'Deleting') this.#entries.delete(entry.stored.uuid);
  }

  #open(entry: Entry): void {
    const { functions, services } = this.#options;
    const { uuid, functionName, config } = entry.stored;
    const target = functions.get(functionName);
    // The application may have lost its function; the mapping keeps its place until it is back.
    const isOn = config.enabled && target !== undefined && !this.#isClosed;
    if (isOn) entry.running = new Mapping({ uuid, group: config.consumerGroupId ?? uuid, config, target, services });
    entry.state = isOn ? 'Enabled' : 'Disabled';
  }

  #configured(): ListedMapping[] {
    return this.#options.configured.map((mapping) => {
      const { uuid, group, config, target } = mapping.options;
      const { problem } = mapping.status();
      const state = config.enabled ? 'Enabled' : 'Disabled';
      const functionName = target.name;
      return { uuid, group, config, functionName, state, problem, changedMs: this.#startedMs, isConfigured: true };
    });
  }

  #listed({ stored, state, running }: Entry): ListedMapping {
    const problem = this.has(stored.functionName)
      ? running?.status().problem
      : { code: 'UNKNOWN_FUNCTION', message: `the application has no function ${stored.functionName}` };
    return { ...this.#answer(stored), state, problem };
  }

  #answer(stored: StoredMapping): Omit<ListedMapping, 'state'> {
    const group = stored.config.consumerGroupId ?? stored.uuid;
    return { ...stored, group, isConfigured: false, problem: undefined };
  }
}

/** Another group, or another type, is meant to have each record as well. */
function isTwin(one: ListedMapping, functionName: string, { type, topic, consumerGroupId }: MappingConfig): boolean {
  return (
    one.state !== 'Deleting' &&
    one.functionName === functionName &&
    one.config.type === type &&
    one.config.topic === topic &&
    one.config.consumerGroupId === consumerGroupId
  );
}

function changeOf(before: MappingConfig, now: MappingConfig): MappingState {
  if (before.enabled === now.enabled) return 'Updating';
  return now.enabled ? 'Enabling' : 'Disabling';
}
