// The checkpoint of a consumer that hands on record by record: it is written at a distance, some time after the first
// record that it does not have, by itself, and may stay behind work that is still open (what it says is its user's
// business). One that is not written costs a longer start and no more, so a failure is logged and the next one tries again.
import { ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';

export interface CheckpointOptions {
  /** Milliseconds between the first record that it does not have and the checkpoint. */
  readonly afterMs: number;
  readonly save: () => Promise<void>;
  /** Whether to write it at once, and not to read on before it is written: too much is held in memory. */
  readonly isUrgent: () => boolean;
  /** Records between two urgent ones at the least. */
  readonly urgentRecordsMin: number;
}

export class LateCheckpoint {
  readonly #options: CheckpointOptions;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #recordsSince = 0;
  #isClosing = false;

  constructor(options: CheckpointOptions, name: string, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#name = name;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Records were handed on. What it returns is to be waited for. */
  advanced(recordCount: number): Promise<void> | undefined {
    this.#recordsSince += recordCount;
    const { isUrgent, urgentRecordsMin, afterMs } = this.#options;
    if (this.#recordsSince >= urgentRecordsMin && isUrgent()) return this.save();
    if (this.#isClosing) return undefined;
    this.#timer ??= this.#clock.after(afterMs, () => {
      this.#timer = undefined;
      void this.save();
    });
    return undefined;
  }

  save(): Promise<void> {
    this.#recordsSince = 0;
    this.#saving = this.#saving
      .then(() => this.#options.save())
      .catch((cause: unknown) => {
        const { code, message } = ThroughlineError.from(cause);
        this.#logger.warn({ consumer: this.#name, code, reason: message }, 'a checkpoint was not written');
      });
    return this.#saving;
  }

  /** Writes the last one. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#timer?.cancel();
    return this.save();
  }
}
