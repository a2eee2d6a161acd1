// Faults on demand, for whoever tests an application against this broker: an answer that is late, an error that a real
// cluster gives once in a while, a connection that breaks before or after the work is done. A rule names the requests that
// it is for and how many of them it takes; the first rule that fits a request has it (kfake's ControlKey is the model).
//
// An error answers the whole request, all of its partitions, and nothing of it is done; what the client does next is what
// is to be tested.
import { ThroughlineError } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { ApiRequest } from '../apis/handler.ts';
import type { Broker } from '../topics/broker.ts';
import type { Rejection } from './rejections.ts';
import { namesPartition } from './request-topics.ts';

export interface FaultRule {
  /** The name of the API, as Kafka writes it: `Produce`. */
  readonly api: string;
  /** Only requests that name this topic. */
  readonly topic?: string;
  /** Only requests that name this partition of `topic`. */
  readonly partition?: number;
  /** Only requests of clients with this id. */
  readonly clientId?: string;
  /** Only requests to this virtual node. */
  readonly nodeId?: number;
  /** How many requests are let through before the first is taken; 0 unless said otherwise. */
  readonly skip?: number;
  /** How many requests are taken; 1 unless said otherwise, Infinity for all. */
  readonly times?: number;
  /** How long a request waits before anything else happens to it, in milliseconds. Those behind it wait, too. */
  readonly delayMs?: number;
  /** What is answered instead of doing it, by its name in the Kafka protocol: `NOT_LEADER_OR_FOLLOWER`. */
  readonly error?: KafkaErrorName;
  /** Break the connection instead of doing it, or when it is done and instead of the answer. */
  readonly drop?: 'before-handling' | 'after-handling';
}

export interface ActiveFault {
  /** Requests that the rule has taken. */
  readonly takenCount: number;
  /** Takes no more. */
  remove(): void;
}

/** What happens to one request. */
export interface Fault {
  readonly delayMs: number;
  readonly errorCode: KafkaErrorName | undefined;
  readonly drop: FaultRule['drop'];
}

export const faultRejection: Rejection = {
  reason: 'fault',
  message: 'broke a connection because a fault rule says so',
};

/**
 * The faults of one broker; rules come and go while it runs.
 *
 * @example
 * const faults = new KafkaFaults()
 * const running = await createBroker({ memory: true, faults })
 * // The next produce to orders-0 is appended, but its producer never learns of it and sends it again.
 * const lost = faults.add({ api: 'Produce', topic: 'orders', partition: 0, drop: 'after-handling' })
 */
export class KafkaFaults {
  readonly #rules = new Set<{ readonly rule: FaultRule; skip: number; left: number; takenCount: number }>();

  /** @throws ThroughlineError INVALID_ARGUMENT for a rule that would do nothing */
  add(rule: FaultRule): ActiveFault {
    const { skip = 0, times = 1, delayMs = 0, error, drop, topic, partition } = rule;
    if (delayMs <= 0 && error === undefined && drop === undefined) {
      throw new ThroughlineError('INVALID_ARGUMENT', 'a fault needs delayMs, error or drop');
    }
    if (partition !== undefined && topic === undefined) {
      throw new ThroughlineError('INVALID_ARGUMENT', 'a fault of a partition needs its topic');
    }
    const active = { rule, skip, left: times, takenCount: 0 };
    this.#rules.add(active);
    return {
      get takenCount() {
        return active.takenCount;
      },
      remove: () => {
        this.#rules.delete(active);
      },
    };
  }

  /** What happens to a request, by the first rule that fits it. */
  take(apiName: string, request: ApiRequest<unknown>, broker: Broker): Fault | undefined {
    for (const active of this.#rules) {
      const { rule } = active;
      if (rule.api !== apiName || !fits(rule, request, broker)) continue;
      if (active.skip > 0) {
        active.skip--;
        continue;
      }
      active.takenCount++;
      if (--active.left <= 0) this.#rules.delete(active);
      const { delayMs = 0, error, drop } = rule;
      return { delayMs, errorCode: error, drop };
    }
    return undefined;
  }
}

function fits(
  { topic, partition, clientId, nodeId }: FaultRule,
  request: ApiRequest<unknown>,
  broker: Broker,
): boolean {
  if (clientId !== undefined && clientId !== request.clientId) return false;
  if (nodeId !== undefined && nodeId !== request.nodeId) return false;
  return topic === undefined || namesPartition(request.body, { topic, topicId: topicIdOf(topic, broker), partition });
}

function topicIdOf(topic: string, broker: Broker): string | undefined {
  return broker.topics().find((one) => one.topic === topic)?.topicId;
}
