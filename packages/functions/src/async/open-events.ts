// The fold of one partition of `_throughline.async`: which events are open, how often they were tried, and when they are due. It is
// all that a server keeps of them, and it is made again from the log by whoever takes the partition over.
//
//             accepted                       retried, delayed
//   (none) ──────────────▶ open ◀──────────────────────────────┐
//      ▲  (an id that      │  └─── called here ──▶ open, busy ──┘
//      │   counts once)    │ succeeded, failed
//      └───────────────────┘
//
// It starts at the oldest event that is open, and a distance before it: of the records in that distance only the ids count, since
// what became of their events is settled. So an id counts once also across starts and servers, within that distance.
import type { LogRecord } from '@throughline/event';
import { asyncLimits } from '../defaults.ts';
import { readAsyncRecord, type AcceptedEvent, type EventOutcome } from './async-record.ts';

export interface OpenEvent extends Omit<AcceptedEvent, 'kind' | 'body'> {
  readonly partition: number;
  readonly offset: bigint;
  /** When it was accepted, on the wall clock. */
  readonly acceptedMs: number;
  readonly bytes: number;
  /** The event, while there is room for it in memory. */
  body: Uint8Array | undefined;
  /** Invocations that have failed. */
  attempts: number;
  /** How often it was not called since the last attempt. */
  delays: number;
  /** Not to be called before, on the wall clock; 0: at once. */
  dueMs: number;
  /** It was handed on here, and what became of it is not on the log yet. */
  isBusy: boolean;
}

export class OpenEvents {
  readonly #open = new Map<bigint, OpenEvent>();
  /** Ids in the order of the log, with the offset of their last record. */
  readonly #seen = new Map<string, bigint>();
  /** Events before it are settled. */
  readonly #settledBelow: bigint;
  #keptBytes = 0;

  constructor(settledBelow: bigint) {
    this.#settledBelow = settledBelow;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The offset of the oldest that is open. */
  get oldest(): bigint | undefined {
    const [first] = this.#open.keys();
    return first;
  }

  [Symbol.iterator](): IterableIterator<OpenEvent> {
    return this.#open.values();
  }

  has(event: OpenEvent): boolean {
    return this.#open.get(event.offset) === event;
  }

  /**
   * @returns the event that may be called now, or later, because of this record
   * @throws ThroughlineError INVALID_EVENT
   */
  take(record: LogRecord): OpenEvent | undefined {
    this.#forget(record.offset);
    const said = readAsyncRecord(record);
    return said.kind === 'accepted' ? this.#accepted(said, record) : this.#became(said);
  }

  /** The body is not needed any more, or has to be read again. */
  drop(event: OpenEvent): void {
    if (event.body === undefined) return;
    this.#keptBytes -= event.bytes;
    event.body = undefined;
  }

  #accepted(said: AcceptedEvent, record: LogRecord): OpenEvent | undefined {
    const { kind: _, body, ...fields } = said;
    const { partition, offset, timestampMs } = record;
    // The newest record of an id is the one that is remembered: whoever starts later, and has not seen the first, decides alike.
    const isKnown = this.#seen.delete(said.id);
    this.#seen.set(said.id, offset);
    if (isKnown) return undefined;
    if (offset < this.#settledBelow) return undefined;
    const bytes = body.byteLength;
    const isKept = this.#keptBytes + bytes <= asyncLimits.keptBytesMax;
    if (isKept) this.#keptBytes += bytes;
    const event: OpenEvent = {
      ...fields,
      partition,
      offset,
      acceptedMs: timestampMs,
      bytes,
      body: isKept ? body : undefined,
      attempts: 0,
      delays: 0,
      dueMs: 0,
      isBusy: false,
    };
    this.#open.set(offset, event);
    return event;
  }

  #became(outcome: EventOutcome): OpenEvent | undefined {
    const event = this.#open.get(outcome.event);
    // Settled already, or of a history that has ended: whoever was too late has changed nothing.
    if (event === undefined || event.id !== outcome.id) return undefined;
    if (outcome.kind === 'succeeded' || outcome.kind === 'failed') {
      this.drop(event);
      this.#open.delete(event.offset);
      return undefined;
    }
    event.dueMs = outcome.dueMs;
    event.isBusy = false;
    if (outcome.kind === 'retried') event.attempts = outcome.attempts;
    event.delays = outcome.kind === 'delayed' ? outcome.delays : 0;
    return event;
  }

  #forget(end: bigint): void {
    for (const [id, offset] of this.#seen) {
      if (offset >= end - BigInt(asyncLimits.rememberedRecordsMax)) return;
      this.#seen.delete(id);
    }
  }
}
