// The kinds of triggers, each with a file or folder of its own here. `url` is not among them: a function URL follows nothing,
// it is part of AWS's API (room `lambda`).
import { literal, object, parse, ThroughlineError } from '@throughline/event';
import { bucketKind } from './bucket/bucket.ts';
import { busKind } from './bus/bus.ts';
import { kafkaKind, streamKind } from './mapping/kinds.ts';
import { queueKind } from './queue/queue.ts';
import { scheduleKind } from './schedule/schedule.ts';
import type { RunningTrigger, TriggeredFunction, TriggerKind, TriggerServices } from './trigger.ts';

/** What an application says of a trigger: `type`, and what that kind takes. Checked and completed by `readTrigger`. */
export interface TriggerConfig {
  readonly type: string;
}

const kinds: readonly TriggerKind<TriggerConfig>[] = [
  kafkaKind,
  streamKind,
  scheduleKind,
  busKind,
  bucketKind,
  queueKind,
];

const typed = object({ type: literal('kafka', 'queue', 'stream', 'bucket', 'bus', 'schedule') });

/**
 * Narrows what an application says of a trigger.
 *
 * @throws ThroughlineError CONFIG_INVALID
 */
export function readTrigger(value: unknown, path: string): TriggerConfig {
  const { type } = parse(typed, value, 'CONFIG_INVALID');
  return kindOf(type).read(value, path);
}

export function startTrigger(
  config: TriggerConfig,
  target: TriggeredFunction,
  services: TriggerServices,
): RunningTrigger {
  return kindOf(config.type).start(config, target, services);
}

function kindOf(type: string): TriggerKind<TriggerConfig> {
  const kind = kinds.find((one) => one.type === type);
  if (kind === undefined) throw new ThroughlineError('CONFIG_INVALID', `there is no trigger of type ${type}`);
  return kind;
}
