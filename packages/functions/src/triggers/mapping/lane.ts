// One lane of a partition: its records go to the function in batches, one after the other, in their order. A partition has one lane,
// or several with keys of their own.
//
//   waiting ──full, or the window has passed──► batch ──► invoke ──┬─ done ────────────────────────────────► settled
//                                                 ▲                ├─ partial: what is before it is settled,
//                                                 │                │  it counts a failure ──┐
//                                                 │                ├─ failed, bisect: two halves, no failure counted
//                                                 │                ├─ failed: all count a failure ──┐
//                                                 ├──── pause ◄────┴─ pressure: nothing is counted  │
//                                                 └──── pause ◄─── again ◄─────────────────────────┤
//                                                                  dead letter ◄─── too often, too old, too large
//
// While one batch is with the function, the event of the next is put together, where a whole batch waits: that is most of the work of
// a fast function's batch, and it goes on beside the handler.
//
// A record is given up once more invocations with it have failed than maximumRetryAttempts says; it is settled when its dead
// letter is on the log.
import { delayOrAbort, type Clock, type LogRecord } from '@throughline/event';
import { batchRetryMsMax, batchRetryMsMin, mappingLimits, pressureRetryMsMax } from '../../defaults.ts';
import type { DeadLetterCondition } from '../dead-letter.ts';
import type { BatchFailure, BatchOutcome } from './batch-outcome.ts';
import { envelopeBytes } from './event-shape.ts';
import type { MappingConfig } from './mapping-config.ts';
import type { Open } from './offset-tracker.ts';

/** What the records of one event may take. */
const eventBytesMax = mappingLimits.eventBytesMax - envelopeBytes;

/** A record on its way through a lane. */
export interface LaneRecord {
  readonly record: LogRecord;
  /** Its place among those of its partition that are not done. */
  readonly open: Open;
  /** What it takes in an event. */
  readonly bytes: number;
  /** Invocations with it that have failed and counted. */
  failureCount: number;
}

export interface GivenUp {
  readonly record: LogRecord;
  readonly condition: DeadLetterCondition;
  readonly failure: BatchFailure;
  readonly attempts: number;
}

/** What works on the records of a partition, or on those of some of its keys. */
export interface PartitionWork {
  /** Resolves when it is at work on nothing any more, after `stop` has aborted. */
  readonly ended: Promise<void>;
  add(records: readonly LaneRecord[]): void;
}

export interface LaneOptions {
  readonly config: MappingConfig;
  readonly clock: Clock;
  /** Nothing new is begun, and pauses end: what is not settled comes again, here or elsewhere. */
  readonly stop: AbortSignal;
  /** Nobody waits for anything any more. */
  readonly cancel: AbortSignal;
  /** The event with these records; undefined where the function is not called with events of this mapping's shape. */
  readonly eventOf: (records: readonly LogRecord[]) => string | undefined;
  /** Calls the function, in this turn where it can be; `eventOf` has the event where none is given. */
  readonly invoke: (records: readonly LogRecord[], event: string | undefined) => Promise<BatchOutcome>;
  /** Resolves when they are where such records go, durably; or once `stop` has aborted, and false then. */
  readonly giveUp: (records: readonly GivenUp[]) => Promise<boolean>;
  /** They need no more work. */
  readonly settled: (records: readonly LaneRecord[]) => void;
  /** What keeps the lane from going on at the moment; undefined when it goes on. */
  readonly onProblem: (failure: BatchFailure | undefined) => void;
}

export class Lane implements PartitionWork {
  readonly #options: LaneOptions;
  /** What waits stands from `#head` on. */
  #waiting: LaneRecord[] = [];
  #head = 0;
  #waitingBytes = 0;
  /** The batch after the one that is with the function, and its event. */
  #next: { readonly batch: readonly LaneRecord[]; readonly event: string | undefined } | undefined;
  #wake: (() => void) | undefined;
  readonly #running: Promise<void>;
  /** Failures in a row. */
  #failuresInRow = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    options.stop.addEventListener('abort', () => this.#wake?.(), { once: true });
    this.#running = this.#run();
  }

  /** Resolves when it is at work on nothing any more, after `stop` has aborted. */
  get ended(): Promise<void> {
    return this.#running;
  }

  add(records: readonly LaneRecord[]): void {
    for (const record of records) {
      this.#waiting.push(record);
      this.#waitingBytes += record.bytes;
    }
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (await this.#gather()) {
      const { batch, event } = this.#next ?? { batch: this.#cut(), event: undefined };
      this.#next = undefined;
      await this.#deliver(batch, event);
    }
  }

  /** Puts the next event together, where a whole batch waits. */
  #prepare(): void {
    if (this.#next !== undefined || !this.#isFull) return;
    const batch = this.#cut();
    // One that is too large for any event is given up, not called.
    const isSound = batch.every(({ bytes }) => bytes <= eventBytesMax);
    this.#next = { batch, event: isSound ? this.#options.eventOf(batch.map(({ record }) => record)) : undefined };
  }

  get #waitingCount(): number {
    return this.#waiting.length - this.#head;
  }

  /** Resolves when there is a batch; false when there will be none. */
  async #gather(): Promise<boolean> {
    const { stop, clock, config } = this.#options;
    if (this.#next !== undefined) return !stop.aborted;
    while (this.#waitingCount === 0 && !stop.aborted) await this.#more();
    if (config.batchWindowMs > 0 && !this.#isFull && !stop.aborted) {
      const window = new AbortController();
      const timer = clock.after(config.batchWindowMs, () => {
        window.abort();
        this.#wake?.();
      });
      while (!window.signal.aborted && !this.#isFull && !stop.aborted) await this.#more();
      timer.cancel();
    }
    return !stop.aborted;
  }

  get #isFull(): boolean {
    const { batchSize } = this.#options.config;
    return this.#waitingCount >= batchSize || this.#waitingBytes >= eventBytesMax;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** Takes what one event holds; a record that is too large for any is alone, and given up. */
  #cut(): LaneRecord[] {
    const start = this.#head;
    const endMax = Math.min(this.#waiting.length, start + this.#options.config.batchSize);
    let bytes = 0;
    let end = start;
    for (; end < endMax; end++) {
      const { bytes: more } = this.#waiting[end]!;
      if (end > start && bytes + more > eventBytesMax) break;
      bytes += more;
    }
    this.#waitingBytes -= bytes;
    const batch = this.#waiting.slice(start, end);
    this.#head = end;
    // Cut now and then: what is cut off is half of it at least, so that each record is moved once as a rule.
    if (this.#head > this.#waiting.length / 2) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }

  async #deliver(batch: readonly LaneRecord[], event: string | undefined): Promise<void> {
    const { stop, config, invoke, settled, onProblem } = this.#options;
    /** What is still to be done of it; the first is at the end. */
    const parts: (readonly LaneRecord[])[] = [batch];
    while (!stop.aborted) {
      const part = parts.pop();
      if (part === undefined) return;
      const records = await this.#sound(part);
      if (records === undefined) return;
      if (records.length === 0) continue;
      const answer = invoke(
        records.map(({ record }) => record),
        records === batch ? event : undefined,
      );
      this.#prepare();
      const outcome = await answer;
      if (outcome.kind === 'done') {
        this.#failuresInRow = 0;
        onProblem(undefined);
        settled(records);
        continue;
      }
      if (stop.aborted && outcome.kind === 'pressure') return;
      onProblem(outcome.failure);
      if (outcome.kind === 'pressure') {
        parts.push(records);
        await this.#pause(pressureRetryMsMax);
        continue;
      }
      if (outcome.kind === 'partial') {
        const index = records.findIndex(({ record }) => record.offset === outcome.offset);
        settled(records.slice(0, index));
        if (index > 0) this.#failuresInRow = 0;
        const rest = await this.#counted(records.slice(index), 1, outcome.failure);
        if (rest === undefined) return;
        parts.push(rest);
      } else if (config.bisectBatchOnFunctionError && records.length > 1) {
        const middle = Math.ceil(records.length / 2);
        parts.push(records.slice(middle), records.slice(0, middle));
        continue;
      } else {
        const rest = await this.#counted(records, records.length, outcome.failure);
        if (rest === undefined) return;
        parts.push(rest);
        if (rest.length === 0) continue;
      }
      await this.#pause(batchRetryMsMax);
    }
  }

  /** Gives up what no invocation can help. @returns the others; undefined when it was stopped meanwhile */
  async #sound(records: readonly LaneRecord[]): Promise<readonly LaneRecord[] | undefined> {
    const { clock, config } = this.#options;
    const { maximumRecordAgeSeconds: ageMax } = config;
    const oldestMs = ageMax === -1 ? -Infinity : clock.nowMs() - ageMax * 1000;
    const conditionOf = ({ record, bytes }: LaneRecord): DeadLetterCondition | undefined =>
      record.timestampMs < oldestMs ? 'RecordAgeExceeded' : bytes > eventBytesMax ? 'RecordTooLarge' : undefined;
    if (!records.some(conditionOf)) return records;
    const isGone = await this.#giveUp(records, conditionOf, (condition) =>
      condition === 'RecordTooLarge'
        ? { errorCode: 'BODY_TOO_LARGE', errorType: condition, errorMessage: `an event holds ${eventBytesMax} bytes` }
        : { errorCode: 'FUNCTION_ERROR', errorType: condition, errorMessage: `older than ${ageMax} seconds` },
    );
    return isGone ? records.filter((each) => conditionOf(each) === undefined) : undefined;
  }

  /** The first `count` of them have failed once more. @returns those that are tried again; undefined when it was stopped */
  async #counted(
    records: readonly LaneRecord[],
    count: number,
    failure: BatchFailure,
  ): Promise<readonly LaneRecord[] | undefined> {
    const { maximumRetryAttempts: retriesMax } = this.#options.config;
    for (const record of records.slice(0, count)) record.failureCount++;
    const isOver = ({ failureCount }: LaneRecord): boolean => retriesMax !== -1 && failureCount > retriesMax;
    if (!records.some(isOver)) return records;
    const isGone = await this.#giveUp(
      records,
      (each) => (isOver(each) ? 'RetryAttemptsExhausted' : undefined),
      () => failure,
    );
    return isGone ? records.filter((each) => !isOver(each)) : undefined;
  }

  async #giveUp(
    records: readonly LaneRecord[],
    conditionOf: (record: LaneRecord) => DeadLetterCondition | undefined,
    failureOf: (condition: DeadLetterCondition) => BatchFailure,
  ): Promise<boolean> {
    const gone: LaneRecord[] = [];
    const letters = records.flatMap((each): GivenUp[] => {
      const condition = conditionOf(each);
      if (condition === undefined) return [];
      gone.push(each);
      return [{ record: each.record, condition, failure: failureOf(condition), attempts: each.failureCount }];
    });
    const isGone = await this.#options.giveUp(letters);
    if (isGone) this.#options.settled(gone);
    return isGone;
  }

  #pause(retryMsMax: number): Promise<void> {
    const waitMs = Math.min(batchRetryMsMin * 2 ** Math.min(this.#failuresInRow++, 16), retryMsMax);
    return delayOrAbort(this.#options.clock, waitMs, this.#options.stop);
  }
}
