// The trigger `schedule`: calls its function asynchronously whenever a clock says so.
//
// Each time has an id made of function, expression and time: servers that share a log all hand it over, and the event counts
// once. What passes while no server runs, or while the clock jumps over it, is not made up for: of several times that have
// passed the first is called, and then the next one to come.
// Source: Amazon EventBridge user guide, "Scheduled event".
import { delayOrAbort, object, optional, parseExact, string, ThroughlineError, unknown } from '@throughline/event';
import { scheduleRetryMs, scheduleRetryMsMax, scheduleSliceMs } from '../../defaults.ts';
import { namedUuid } from '../named-uuid.ts';
import type { RunningTrigger, TriggeredFunction, TriggerKind, TriggerServices, TriggerStatus } from '../trigger.ts';
import { readSchedule, type Schedule } from './expression.ts';

export interface ScheduleConfig {
  readonly type: 'schedule';
  /** `rate(…)`, `cron(…)` or `at(…)`. */
  readonly expression: string;
  /** IANA name. */
  readonly timezone: string;
  /** What the handler gets; AWS's "Scheduled Event" where absent. */
  readonly input?: unknown;
}

const schema = object({
  type: string(),
  expression: string(),
  timezone: optional(string()),
  input: optional(unknown()),
});

export const scheduleKind: TriggerKind<ScheduleConfig> = {
  type: 'schedule',
  read(value, path) {
    const problem = schema.problem(value, path);
    if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', problem);
    const { expression, timezone = 'UTC', ...rest } = parseExact(schema, value, 'CONFIG_INVALID');
    readSchedule(expression, timezone, path);
    return { ...rest, type: 'schedule', expression, timezone };
  },
  start: (config, target, services) => new RunningSchedule(config, target, services),
};

class RunningSchedule implements RunningTrigger {
  readonly #config: ScheduleConfig;
  readonly #target: TriggeredFunction;
  readonly #services: TriggerServices;
  readonly #schedule: Schedule;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #problem: ThroughlineError | undefined;

  constructor(config: ScheduleConfig, target: TriggeredFunction, services: TriggerServices) {
    this.#config = config;
    this.#target = target;
    this.#services = services;
    this.#schedule = readSchedule(config.expression, config.timezone, target.name);
    this.#running = this.#run();
  }

  status(): TriggerStatus {
    const { expression, type } = this.#config;
    const problem = this.#problem;
    return {
      type,
      functionName: this.#target.name,
      source: expression,
      ...(problem === undefined ? {} : { problem: { code: problem.code, message: problem.message } }),
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#services;
    const { signal } = this.#stop;
    for (let next = this.#schedule.next(clock.nowMs()); next !== undefined && !signal.aborted;) {
      const nowMs = clock.nowMs();
      if (nowMs >= next) {
        await this.#hand(next);
        next = this.#schedule.next(clock.nowMs());
        continue;
      }
      // In slices: the wall clock may be put forward or back meanwhile. Back, times that were called already come again, and
      // count once by their ids.
      await delayOrAbort(clock, Math.min(next - nowMs, scheduleSliceMs), signal);
      const earlier = this.#schedule.next(clock.nowMs());
      if (earlier !== undefined && earlier < next) next = earlier;
    }
  }

  /** Hands over the call of one time, again and again until it is kept. */
  async #hand(timeMs: number): Promise<void> {
    const { clock, logger } = this.#services;
    const { signal } = this.#stop;
    const { expression, timezone, type } = this.#config;
    const functionName = this.#target.name;
    const time = `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
    const id = namedUuid(
      `${type}\n${functionName}\n${expression}\n${timezone}\n${JSON.stringify(this.#config.input)}\n${time}`,
    );
    const event = { functionName, event: this.#eventOf(id, time), origin: `${type} ${expression}`, id };
    for (let retryMs = scheduleRetryMs; !signal.aborted; retryMs = Math.min(retryMs * 2, scheduleRetryMsMax)) {
      try {
        await this.#services.accept(event);
        this.#problem = undefined;
        return;
      } catch (thrown) {
        const problem = ThroughlineError.from(thrown);
        if (signal.aborted) return;
        if (this.#problem?.code !== problem.code)
          logger.error(
            { function: functionName, expression, time, code: problem.code, reason: problem.message },
            'a call by schedule is not kept: it is tried again',
          );
        this.#problem = problem;
      }
      await delayOrAbort(clock, retryMs, signal);
    }
  }

  #eventOf(id: string, time: string): string {
    const { input } = this.#config;
    if (input !== undefined) return JSON.stringify(input);
    const rule = `arn:aws:events:us-east-1:000000000000:rule/${this.#target.name}`;
    return JSON.stringify({
      version: '0',
      id,
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time,
      region: 'us-east-1',
      resources: [rule],
      detail: {},
    });
  }
}
