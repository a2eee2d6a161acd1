// The trigger `bus`: a function is called asynchronously with the events of a bus that match its pattern. A bus is a topic,
// `bus.<name>`; who sends to it is any Kafka client, or `POST /v1/topics/bus.<name>/records`.
//
// Its place is that of a consumer group, as of an event source mapping, whose machinery it is: an event is kept on the topic of
// asynchronous invocations before its offset is committed. An event that comes twice has the same id, and counts once.
// Source: Amazon EventBridge user guide, "Event bus concepts".
import { object, optional, parseExact, string, ThroughlineError, unknown, type LogRecord } from '@throughline/event';
import { mappingDefaults, mappingGroupPrefix } from '../../defaults.ts';
import { compilePattern, type EventPattern } from '../event-pattern.ts';
import type { BatchOutcome } from '../mapping/batch-outcome.ts';
import { Mapping } from '../mapping/mapping.ts';
import { makeTopic } from '../make-topic.ts';
import { namedUuid } from '../named-uuid.ts';
import type { RunningTrigger, TriggeredFunction, TriggerKind, TriggerServices, TriggerStatus } from '../trigger.ts';
import { busEventOf, busTopic, placeId } from './bus-event.ts';

export interface BusConfig {
  readonly type: 'bus';
  readonly bus: string;
  /** An event pattern; every event where absent. */
  readonly pattern?: unknown;
}

const schema = object({
  type: string(),
  bus: optional(string({ pattern: /^[A-Za-z0-9._-]{1,200}$/, what: 'the name of a bus' })),
  pattern: optional(unknown()),
});

export const busKind: TriggerKind<BusConfig> = {
  type: 'bus',
  read(value, path) {
    const problem = schema.problem(value, path);
    if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', problem);
    const { bus = 'default', pattern } = parseExact(schema, value, 'CONFIG_INVALID');
    if (pattern === undefined) return { type: 'bus', bus };
    compilePattern(pattern, `${path}.pattern`);
    return { type: 'bus', bus, pattern };
  },
  start: (config, target, services) => new RunningBus(config, target, services),
};

class RunningBus implements RunningTrigger {
  readonly #config: BusConfig;
  readonly #target: TriggeredFunction;
  readonly #services: TriggerServices;
  readonly #matches: EventPattern;
  /** What makes the ids of its calls its own: two rules call a function twice with one event. */
  readonly #rule: string;
  readonly #mapping: Mapping;
  readonly #stop = new AbortController();
  readonly #made: Promise<void>;
  #strangeCount = 0;

  constructor(config: BusConfig, target: TriggeredFunction, services: TriggerServices) {
    const { bus, pattern } = config;
    this.#config = config;
    this.#target = target;
    this.#services = services;
    this.#matches = pattern === undefined ? () => true : compilePattern(pattern, 'pattern');
    this.#rule = namedUuid(`${target.name}\n${bus}\n${JSON.stringify(pattern)}`);
    const { streamWindowMs: _, batchWindowMs: __, ...defaults } = mappingDefaults;
    this.#mapping = new Mapping({
      uuid: this.#rule,
      group: `${mappingGroupPrefix}${target.name}-bus-${bus}-${this.#rule.slice(0, 8)}`,
      config: {
        ...defaults,
        type: 'kafka',
        topic: busTopic(bus),
        enabled: true,
        batchWindowMs: 0,
        // A rule hears what comes after it was made.
        startingPosition: 'LATEST',
        bisectBatchOnFunctionError: false,
        reportBatchItemFailures: false,
        maximumRetryAttempts: -1,
        maximumRecordAgeSeconds: -1,
        filters: [],
      },
      target,
      services,
      deliver: (records) => this.#deliver(records),
    });
    this.#made = makeTopic(busTopic(bus), { partitions: 1 }, services, this.#stop.signal);
  }

  status(): TriggerStatus {
    const { problem } = this.#mapping.status();
    const { type, bus } = this.#config;
    const strange = {
      code: 'INVALID_EVENT',
      message: `${this.#strangeCount} records of the bus are no events, or too large`,
    };
    const shown = problem ?? (this.#strangeCount === 0 ? undefined : strange);
    return { type, functionName: this.#target.name, source: bus, ...(shown === undefined ? {} : { problem: shown }) };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#made;
    await this.#mapping.close();
  }

  async #deliver(records: readonly LogRecord[]): Promise<BatchOutcome> {
    const functionName = this.#target.name;
    const origin = `bus ${this.#config.bus}`;
    try {
      for (const record of records) {
        const event = busEventOf(record);
        if (event === undefined) this.#pass(record, 'a record of a bus is no event');
        else if (this.#matches(event)) {
          const id = placeId(record, this.#rule);
          try {
            await this.#services.accept({ functionName, event: JSON.stringify(event), origin, id });
          } catch (thrown) {
            // It would be too large the next time, too, and hold up all that is behind it.
            if (!ThroughlineError.is(thrown, 'BODY_TOO_LARGE')) throw thrown;
            this.#pass(record, 'an event of a bus is larger than a function may be called with');
          }
        }
      }
      return { kind: 'done' };
    } catch (thrown) {
      const { code, name, message } = ThroughlineError.from(thrown);
      return { kind: 'pressure', failure: { errorCode: code, errorType: name, errorMessage: message } };
    }
  }

  #pass({ topic, partition, offset }: LogRecord, what: string): void {
    this.#strangeCount++;
    this.#services.logger.warn({ function: this.#target.name, topic, partition, offset: String(offset) }, what);
  }
}
