// Makes the topic that a trigger follows, where nobody has: who sends to it may come first, or later.
import { delayOrAbort, ThroughlineError } from '@throughline/event';
import { retryDelayMs } from '../defaults.ts';
import type { TriggerServices } from './trigger.ts';

/** Tries until there is one. Never rejects; resolves when there is, or once `stop` has aborted. */
export async function makeTopic(
  topic: string,
  asked: { readonly partitions: number },
  { log, clock, logger }: TriggerServices,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    try {
      await log.admin.createTopic(topic, asked);
      return;
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      if (error.code === 'TOPIC_EXISTS' || error.code === 'CLOSED') return;
      logger.warn({ topic, ...error.toJSON() }, 'the topic of a trigger could not be made: it is tried again');
    }
    await delayOrAbort(clock, retryDelayMs, stop);
  }
}
