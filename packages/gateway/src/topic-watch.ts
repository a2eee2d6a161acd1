// Looks now and then whether the topic of conversations is still the one that it was. On a cluster anybody may delete it, and
// make it again: then the gateway says so until it is there, and begins anew with the topic that it finds, as a restart would.
// A cluster that does not answer is the tail's business, which waits for it.
import { ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import type { Log, TopicDescription } from '@throughline/log';

export interface TopicWatchOptions {
  readonly log: Log;
  readonly topic: string;
  /** Of the topic that is being read. */
  readonly topicId: string;
  readonly checkMs: number;
  /** Begins anew with another incarnation; when it fails it is called again. */
  readonly onRemade: (description: TopicDescription) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class TopicWatch {
  readonly #options: TopicWatchOptions;
  #topicId: string;
  #problem: ThroughlineError | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
    this.#topicId = options.topicId;
    this.#later();
  }

  /** Why there are no conversations at the moment; undefined when there are. */
  get problem(): ThroughlineError | undefined {
    return this.#problem;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #later(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(this.#options.checkMs, () => {
      this.#looking = this.#look().finally(() => this.#later());
    });
  }

  async #look(): Promise<void> {
    const { log, logger, onRemade, topic } = this.#options;
    try {
      const description = await log.admin.describeTopic(topic);
      if (this.#isClosed) return;
      if (description.topicId !== this.#topicId) {
        this.#deleted();
        logger.warn({ topic }, 'the topic was made again; its conversations begin anew');
        await onRemade(description);
        this.#topicId = description.topicId;
      }
      if (this.#problem !== undefined) logger.info({ topic }, 'the topic is there again');
      this.#problem = undefined;
    } catch (error) {
      if (ThroughlineError.is(error, 'UNKNOWN_TOPIC')) return this.#deleted();
      const { code, message } = ThroughlineError.from(error);
      logger.warn({ topic, code, reason: message }, 'it cannot be seen whether the topic is there');
    }
  }

  #deleted(): void {
    if (this.#problem !== undefined) return;
    const { logger, topic } = this.#options;
    this.#problem = new ThroughlineError('TOPIC_DELETED', `topic ${topic} was deleted`, { retryAfterMs: 5_000 });
    logger.error({ topic, ...this.#problem.toJSON() }, 'the topic of all conversations is gone');
  }
}
