// Code that nobody waits for: the action of a timer, a listener of an event, an async function that is called and left alone.
// What it throws has no caller to go to, and would end the process, or be lost. Here it is caught and reported as a defect:
// `Logger.fatal`, where a logger has it, else `Logger.error`. Whoever runs the process decides what a defect means for it
// (not ready, exit code); the libraries go on with what does not depend on the failed part.
import type { Clock, Timer } from './clock.ts';
import type { Logger } from './logger.ts';

/** Reports what failed while nobody waited; `during` says in plain words what was being done. Never throws. */
export function reportDefect(logger: Logger, error: unknown, during: string): void {
  const fields = { error, during };
  const message = 'a defect was met where nobody waits for the outcome';
  if (logger.fatal === undefined) logger.error(fields, message);
  else logger.fatal(fields, message);
}

/**
 * Runs `action`, and reports what it throws, at once or later.
 *
 * @example unattended(logger, 'writing the log of groups', () => this.#drain())
 */
export function unattended(logger: Logger, during: string, action: () => unknown): void {
  try {
    const result = action();
    if (result instanceof Promise) result.catch((error: unknown) => reportDefect(logger, error, during));
  } catch (error) {
    reportDefect(logger, error, during);
  }
}

/** The same as a listener: `socket.on('data', listening(logger, 'reading a connection', onData))`. */
export function listening<Arguments extends readonly unknown[]>(
  logger: Logger,
  during: string,
  listener: (...args: Arguments) => unknown,
): (...args: Arguments) => void {
  return (...args) => unattended(logger, during, () => listener(...args));
}

/** `clock`, with every timer unattended: what its action throws is reported to `logger`. */
export function guardedClock(clock: Clock, logger: Logger): Clock {
  return clock instanceof GuardedClock ? clock : new GuardedClock(clock, logger);
}

class GuardedClock implements Clock {
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, action: () => void): Timer {
    return this.#clock.after(delayMs, () => unattended(this.#logger, 'the action of a timer', action));
  }
}
