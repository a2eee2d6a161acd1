// Keeps what processes do, in the order in which it happens, and a digest of it: two runs of one seed must have the same.
import { createHash } from 'node:crypto';
import type { Clock } from '@throughline/event';
import type { Action, Operation, Outcome } from '../checker/history.ts';

export class Recorder {
  readonly history: Operation[] = [];
  readonly #clock: Clock;
  readonly #hash = createHash('sha256');
  #processCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of a new process. */
  newProcess(): number {
    return this.#processCount++;
  }

  note(process: number, type: Operation['type'], action: Action, note?: string): void {
    const operation: Operation = { process, type, ...action, ...(note === undefined ? {} : { note }) };
    this.history.push(operation);
    this.#hash.update(`${this.#clock.monotonicMs()} ${asText(operation)}\n`);
  }

  /** Notes both ends of an operation that nothing else comes between. */
  noteWhole(process: number, type: Outcome, action: Action): void {
    this.note(process, 'invoke', action);
    this.note(process, type, action);
  }

  /** Adds something to the digest that is no operation. */
  mark(text: string): void {
    this.#hash.update(`${this.#clock.monotonicMs()} ${text}\n`);
  }

  /** Of everything noted so far, with its times. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /** One operation a line, to be kept beside the report of a failure. */
  toString(): string {
    return this.history.map((operation, at) => `${at} ${asText(operation)}`).join('\n');
  }
}

function asText(operation: Operation): string {
  return JSON.stringify(operation, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value));
}
