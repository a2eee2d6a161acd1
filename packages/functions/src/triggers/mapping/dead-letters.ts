// Where records go that a mapping gives up: to the topic of onFailure, durably, before their offsets are committed; without one they
// are passed, and the log says so. A topic that nobody has made is made like the one that is read. What cannot be appended is tried
// again until it can: a mapping rather waits than loses a record.
import { delayOrAbort, ThroughlineError } from '@throughline/event';
import { batchRetryMsMax, batchRetryMsMin, mappingLimits } from '../../defaults.ts';
import { deadLetter } from '../dead-letter.ts';
import type { TriggeredFunction, TriggerServices } from '../trigger.ts';
import type { BatchFailure } from './batch-outcome.ts';
import type { GivenUp } from './lane.ts';
import { topicOf, type MappingConfig } from './mapping-config.ts';

export interface DeadLettersOptions {
  readonly uuid: string;
  readonly config: MappingConfig;
  readonly target: TriggeredFunction;
  readonly services: TriggerServices;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #onProblem: (failure: BatchFailure | undefined) => void;

  constructor(options: DeadLettersOptions, onProblem: (failure: BatchFailure | undefined) => void) {
    this.#options = options;
    this.#onProblem = onProblem;
  }

  /** Resolves with true once they are where they belong; with false when `stop` has aborted before. */
  async add(letters: readonly GivenUp[], stop: AbortSignal): Promise<boolean> {
    const { config, uuid, target, services } = this.#options;
    const { log, clock, logger } = services;
    for (const { record, condition, failure, attempts } of letters) {
      const { topic, partition, offset } = record;
      const fields = {
        function: target.name,
        topic,
        partition,
        offset: String(offset),
        condition,
        attempts,
        ...failure,
      };
      logger.error(fields, config.onFailure === undefined ? 'a record is given up' : 'a record becomes a dead letter');
    }
    if (config.onFailure === undefined) return true;
    const destination = topicOf(config.onFailure);
    const records = letters.map(({ record, condition, failure, attempts }) =>
      deadLetter(record, { condition, attempts, mapping: uuid, functionName: target.name, ...failure }),
    );
    for (let tryCount = 0; !stop.aborted; tryCount++) {
      try {
        await log.append(destination, records);
        if (tryCount > 0) this.#onProblem(undefined);
        return true;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        if (error.code === 'UNKNOWN_TOPIC' && tryCount === 0) {
          await this.#make(destination);
          continue;
        }
        const { code, name, message } = error;
        this.#onProblem({
          errorCode: code,
          errorType: name,
          errorMessage: `dead letters to ${destination}: ${message}`,
        });
        logger.error({ destination, ...error.toJSON() }, 'dead letters cannot be kept; trying again');
        await delayOrAbort(clock, Math.min(batchRetryMsMin * 2 ** Math.min(tryCount, 16), batchRetryMsMax), stop);
      }
    }
    return false;
  }

  async #make(destination: string): Promise<void> {
    const { log, logger } = this.#options.services;
    try {
      const { partitions, config } = await log.admin.describeTopic(this.#options.config.topic);
      const recordBytesMax = config.recordBytesMax + mappingLimits.deadLetterHeaderBytes;
      await log.admin.createTopic(destination, {
        partitions: partitions.length,
        config: { durability: config.durability, retentionMs: null, retentionBytes: null, recordBytesMax },
      });
    } catch (thrown) {
      // Somebody else may have made it; if not, the next append says what is wrong.
      const { code, message } = ThroughlineError.from(thrown);
      logger.warn({ destination, code, reason: message }, 'a topic for dead letters could not be made');
    }
  }
}
