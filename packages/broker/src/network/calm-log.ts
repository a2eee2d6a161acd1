// Logging what can happen a thousand times a second: each kind once in a while, with the count of those left out.
import type { Clock, LogFields } from '@throughline/event';
import { calmLogIntervalMs, calmLogKindCountMax } from '../defaults.ts';

type Write = (fields: LogFields, message: string) => void;

export class CalmLog {
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { readonly atMs: number; omittedCount: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `write` unless something of this `kind` has just been written. */
  note(kind: string, write: Write, fields: LogFields, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#kinds.get(kind);
    if (last !== undefined && nowMs - last.atMs < calmLogIntervalMs) {
      last.omittedCount++;
      return;
    }
    // Kinds are few, but a kind may come from the text of an error.
    if (last === undefined && this.#kinds.size >= calmLogKindCountMax) this.#kinds.clear();
    this.#kinds.set(kind, { atMs: nowMs, omittedCount: 0 });
    const omittedCount = last?.omittedCount ?? 0;
    write(omittedCount === 0 ? fields : { ...fields, omittedCount }, message);
  }
}
