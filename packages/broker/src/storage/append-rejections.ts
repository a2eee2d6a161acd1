// What an append to a partition can be rejected with, beside what is wrong with the batch itself (batch-check.ts).
import { ThroughlineError } from '@throughline/event';
import { throttleRetryMs } from '../defaults.ts';

export class AppendRejections {
  readonly name: string;
  readonly #details: { readonly topic: string; readonly partition: number };

  constructor(topic: string, partition: number) {
    this.name = `${topic}-${partition}`;
    this.#details = { topic, partition };
  }

  /** A write or sync has failed. */
  offline(): ThroughlineError {
    return new ThroughlineError('PARTITION_OFFLINE', `${this.name} is offline`, { details: this.#details });
  }

  /** Nothing of it is kept. */
  outOfDisk(cause?: unknown): ThroughlineError {
    return new ThroughlineError('OUT_OF_DISK', `no space to append to ${this.name}`, { cause, details: this.#details });
  }

  /** @throws ThroughlineError THROTTLED when the queue takes no batch of that size; an empty one takes any */
  checkQueue(queueBytes: number, batchBytes: number, appendQueueBytesMax: number): void {
    if (queueBytes === 0 || queueBytes + batchBytes <= appendQueueBytesMax) return;
    throw new ThroughlineError('THROTTLED', `${queueBytes} bytes wait to be written to ${this.name}`, {
      details: { ...this.#details, appendQueueBytesMax },
      retryAfterMs: throttleRetryMs,
    });
  }

  /** It takes no appends, whoever comes with them. */
  sealed(): ThroughlineError {
    return new ThroughlineError('PARTITION_SEALED', `${this.name} is sealed`, { details: this.#details });
  }

  closed(): ThroughlineError {
    return new ThroughlineError('CLOSED', `${this.name} is closed`);
  }
}
