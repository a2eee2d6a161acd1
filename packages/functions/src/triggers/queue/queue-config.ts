// What is said of a trigger `queue`, with the defaults filled in and every value checked. Names and bounds are those of Amazon SQS
// and of its event source mapping, in camelCase.
// Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS"; Amazon SQS API reference, SetQueueAttributes.
import {
  array,
  boolean,
  number,
  object,
  optional,
  parseExact,
  string,
  ThroughlineError,
  unknown,
} from '@throughline/event';
import { mappingGroupPrefix, queueDefaults, queueLimits } from '../../defaults.ts';
import { compilePattern } from '../event-pattern.ts';

export interface QueueConfig {
  readonly type: 'queue';
  readonly queue: string;
  /** A trigger that is not enabled keeps its place. */
  readonly enabled: boolean;
  /** Messages of one event, at most. */
  readonly batchSize: number;
  readonly batchWindowMs: number;
  /** A message that was handed out and not deleted is handed out again after this long. */
  readonly visibilityTimeoutMs: number;
  /** Whether the function may name the messages that failed; the others are deleted. */
  readonly reportBatchItemFailures: boolean;
  /** Invocations at once, of this queue. */
  readonly maximumConcurrency?: number;
  /** A message that matches none of them is deleted; without one all match. */
  readonly filters: readonly unknown[];
  /** Where messages go that were received too often; without it they come again for ever. */
  readonly redrive?: RedrivePolicy;
}

export interface RedrivePolicy {
  readonly deadLetterQueue: string;
  readonly maxReceiveCount: number;
}

const integer = number({ integer: true });
const queueName = string({ pattern: /^[A-Za-z0-9._-]{1,200}$/, what: 'the name of a queue' });
const schema = object({
  type: string(),
  queue: queueName,
  enabled: optional(boolean()),
  batchSize: optional(integer),
  batchWindowMs: optional(integer),
  visibilityTimeoutMs: optional(integer),
  reportBatchItemFailures: optional(boolean()),
  maximumConcurrency: optional(integer),
  filters: optional(array(unknown())),
  redrive: optional(object({ deadLetterQueue: queueName, maxReceiveCount: integer })),
});

/** The topic of a queue: any Kafka client feeds it. */
export function queueTopic(queue: string): string {
  return `queue.${queue}`;
}

/** The consumer group that has the place of a function's trigger. */
export function queueGroup(functionName: string, { queue }: Pick<QueueConfig, 'queue'>): string {
  return `${mappingGroupPrefix}${functionName}-queue-${queue}`;
}

/**
 * Narrows what an application says, and fills in the defaults.
 *
 * @throws ThroughlineError CONFIG_INVALID with the path of the value
 */
export function readQueue(value: unknown, path: string): QueueConfig {
  const problem = schema.problem(value, path);
  if (problem !== undefined) throw invalid(problem);
  let config: QueueConfig;
  try {
    const asked = parseExact(schema, value, 'CONFIG_INVALID');
    const given = Object.fromEntries(Object.entries(asked).filter(([, one]) => one !== undefined));
    config = { ...queueDefaults, filters: [], enabled: true, ...given, type: 'queue', queue: asked.queue };
  } catch (thrown) {
    throw invalid(`${path}: ${ThroughlineError.from(thrown).message}`);
  }
  check(config, path);
  return config;
}

function check(config: QueueConfig, path: string): void {
  const { queue, batchSize, batchWindowMs, visibilityTimeoutMs, maximumConcurrency, filters, redrive } = config;
  const between = (name: string, value: number, min: number, max: number): void => {
    if (value < min || value > max) throw invalid(`${path}.${name}: expected a number from ${min} to ${max}`);
  };
  between('batchSize', batchSize, 1, queueLimits.batchSizeMax);
  between('batchWindowMs', batchWindowMs, 0, queueLimits.batchWindowMsMax);
  between('visibilityTimeoutMs', visibilityTimeoutMs, 0, queueLimits.visibilityTimeoutMsMax);
  if (batchSize > queueLimits.batchSizeMaxWithoutWindow && batchWindowMs === 0) {
    const message = `${path}.batchSize: above ${queueLimits.batchSizeMaxWithoutWindow} it needs a batchWindowMs, as on AWS`;
    throw invalid(message);
  }
  if (maximumConcurrency !== undefined) between('maximumConcurrency', maximumConcurrency, 1, 1000);
  if (redrive !== undefined)
    between('redrive.maxReceiveCount', redrive.maxReceiveCount, 1, queueLimits.receiveCountMax);
  if (redrive?.deadLetterQueue === queue) {
    throw invalid(
      `${path}.redrive.deadLetterQueue: ${queue} is the queue itself: what fails would come again and again`,
    );
  }
  if (filters.length > queueLimits.filtersMax)
    throw invalid(`${path}.filters: expected at most ${queueLimits.filtersMax} filters`);
  for (const [index, filter] of filters.entries()) compilePattern(filter, `${path}.filters[${index}]`);
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('CONFIG_INVALID', message);
}
