// What every trigger is: it follows something (a topic, a folder, a clock), makes events of AWS's shape of it, and has its function
// called with them. There is one file, or one folder, for each kind, with a line in `kinds.ts`.
//
// A trigger is started at once and never fails to start: what it needs may be missing for a while (a topic that nobody has
// made yet, a cluster that is away), so it waits, and its status says for what.
import type { Clock, Logger, Random } from '@throughline/event';
import type { JoinRequest, Log } from '@throughline/log';
import type { Invoker } from '../invoker/invoker.ts';

/** The function that a trigger calls. */
export interface TriggeredFunction {
  readonly name: string;
  readonly invoker: Invoker;
}

/** An event that a function is to be called with, whenever it can be: Lambda's asynchronous invocation. */
export interface AsyncEvent {
  readonly functionName: string;
  /** The handler's first argument, as JSON. */
  readonly event: string;
  /** What it came from, for logs and tables: `schedule rate(1 minute)`, `bucket ./uploads`, `api`. */
  readonly origin: string;
  /**
   * The same id is the same event: accepted twice it counts once. Whoever may have to hand it over again (after a crash, in a
   * second process) makes it from what it stands for.
   */
  readonly id: string;
}

export interface TriggerServices {
  readonly log: Log;
  /** Where Kafka clients reach the log, `host:port` and commas between them; events of Kafka's shape say it. */
  readonly bootstrapServers: string;
  /** What it is as a member of consumer groups, where processes on one log share the work. */
  readonly member: Pick<JoinRequest, 'instanceId' | 'heartbeatMs' | 'sessionTimeoutMs'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A folder that outlives this process, for what a trigger has seen of this machine. */
  readonly stateDir: string;
  /** A ULID. */
  newId(): string;
  /**
   * Resolves once the event is kept: it is on a topic, with retries, maximum age and destinations from there on. Objects, buses
   * and schedules call functions this way, as on AWS.
   *
   * @throws ThroughlineError UNKNOWN_FUNCTION, BODY_TOO_LARGE, OUT_OF_DISK, what the log says
   */
  accept(event: AsyncEvent): Promise<void>;
}

export interface TriggerStatus {
  /** As in the configuration: `kafka`, `queue`, … */
  readonly type: string;
  readonly functionName: string;
  /** What it follows, in the words of the configuration: a topic, a queue, a folder, an expression. */
  readonly source: string;
  /** Why nothing is handed on at the moment, where something is wrong. */
  readonly problem?: { readonly code: string; readonly message: string };
}

export interface RunningTrigger {
  status(): TriggerStatus;
  /** Hands on no more; resolves when what it has begun has come to its end or has been given back. */
  close(): Promise<void>;
}

/** A kind of trigger. */
export interface TriggerKind<Config extends { readonly type: string }> {
  readonly type: Config['type'];
  /**
   * Narrows what an application says of a trigger of this kind, and fills in the defaults.
   *
   * @param path where it stands, for messages: `triggers[0]`
   * @throws ThroughlineError CONFIG_INVALID with the path of the value
   */
  read(value: unknown, path: string): Config;
  start(config: Config, target: TriggeredFunction, services: TriggerServices): RunningTrigger;
}
