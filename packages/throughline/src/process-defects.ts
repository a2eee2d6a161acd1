// What a defect means for a process that serves. The libraries report what fails where nobody waits (event/unattended.ts); what no
// library has caught comes here by itself.
//
//   met by                              log      readyz              the process             exit code in the end
//   a timer, a listener, a queue        error    503 and the reason  goes on                 1
//   nobody: an exception or rejection   error    503 and the reason  closes, as for SIGTERM  1
//
// After the second kind nothing is known of the state of whoever threw it. What is acknowledged is on the log: the next start
// goes on from there, and whoever watches the process learns from its exit code that it did not end for nothing.
import { ThroughlineError, type ErrorBody, type LogFields, type Logger } from '@throughline/event';

/** The events of a process that are looked at. */
type ProcessEvents = Pick<NodeJS.EventEmitter, 'on'>;

export class ProcessDefects {
  /** Resolves when the process is to close because of something that nobody has caught. */
  readonly uncaught: Promise<void>;
  readonly #onUncaught: () => void;
  #logger: Logger;
  #first: ThroughlineError | undefined;

  /** `logger` is told until another one is watched. */
  constructor(logger: Logger) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.uncaught = promise;
    this.#onUncaught = resolve;
    this.#logger = logger;
  }

  /** The first defect, as readyz says it; undefined while there was none. */
  get problem(): ErrorBody | undefined {
    return this.#first?.toJSON();
  }

  get exitCode(): 0 | 1 {
    return this.#first === undefined ? 0 : 1;
  }

  /** `logger`, as the libraries are given it: it writes defects down as errors, and they are noted here. */
  watch(logger: Logger): Logger {
    this.#logger = logger;
    return {
      debug: (fields, message) => logger.debug(fields, message),
      info: (fields, message) => logger.info(fields, message),
      warn: (fields, message) => logger.warn(fields, message),
      error: (fields, message) => logger.error(fields, message),
      fatal: (fields, message) => this.#note(fields, message),
    };
  }

  /** From now on what nobody catches is a defect like any other, and `uncaught` resolves. */
  guard(events: ProcessEvents): void {
    const caught = (during: string) => (error: unknown) => {
      this.#note({ error, during }, 'a defect that nobody has caught: closing');
      this.#onUncaught();
    };
    events.on('uncaughtException', caught('an exception'));
    events.on('unhandledRejection', caught('a rejection'));
  }

  #note(fields: LogFields, message: string): void {
    const { error, during } = fields;
    const stack = error instanceof Error ? error.stack : undefined;
    this.#first ??= new ThroughlineError('INTERNAL', `${message} (${String(during)})`);
    this.#logger.error({ ...fields, stack }, message);
  }
}
