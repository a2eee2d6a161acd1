// The messages of one partition of a queue, from being read to being deleted: what is known of them, and what is kept of it.
//
//              received                  not deleted in time
//   visible ──(receipt)──► handed out ──────────────────────► visible again, one receive more
//                              └──(deleted)──► settled
//
// It hands them to its queue, which calls the function with messages of all its partitions.
import { delayOrAbort, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import { queueLimits, retryDelayMs } from '../../defaults.ts';
import type { BatchFailure } from '../mapping/batch-outcome.ts';
import type { LaneOptions, LaneRecord } from '../mapping/lane.ts';
import type { MappedWork } from '../mapping/mapping.ts';
import type { Place } from '../mapping/offset-tracker.ts';
import type { KnownMessage, QueuePlace, Receipts } from './receipts.ts';

export interface Message {
  readonly work: QueueWork;
  readonly entry: LaneRecord;
  /** How often it was received. */
  received: number;
  /** When it was for the first time, on the wall clock; 0: never. */
  firstMs: number;
  /** Why it failed the last time, as far as this process knows. */
  failure: BatchFailure | undefined;
}

export interface QueueWorkOptions {
  readonly place: QueuePlace;
  /** As the group has committed it. */
  readonly receiptsFrom: bigint | undefined;
  readonly receipts: Receipts;
  readonly visibilityTimeoutMs: number;
  readonly lane: LaneOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  /** They may be handed out. */
  readonly onVisible: (messages: readonly Message[]) => void;
}

export class QueueWork implements MappedWork {
  readonly ended: Promise<void>;
  readonly #options: QueueWorkOptions;
  /** What is known of messages that are not below the place, by offset. */
  #known = new Map<bigint, KnownMessage>();
  /** Where the topic of receipts ended when it was looked at last; undefined until it was. */
  #receiptsEnd: bigint | undefined;
  /** What came before it was known what is known of it. */
  #early: LaneRecord[] = [];
  #isLoaded = false;
  #busyCount = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: QueueWorkOptions) {
    this.#options = options;
    this.ended = this.#run();
  }

  get topicId(): string {
    return this.#options.place.topicId;
  }

  get isStopped(): boolean {
    return this.#options.lane.stop.aborted;
  }

  /** Aborts when nobody waits for what it has handed out. */
  get cancelled(): AbortSignal {
    return this.#options.lane.cancel;
  }

  add(entries: readonly LaneRecord[]): void {
    if (this.#isLoaded) this.#take(entries);
    else this.#early.push(...entries);
  }

  /** Something of it is at work; to be ended by `release`. */
  hold(): void {
    this.#busyCount++;
  }

  release(): void {
    this.#busyCount--;
    if (this.#busyCount === 0) this.#onIdle?.();
  }

  receiptsFrom({ offset: place }: Place): bigint | undefined {
    let first = this.#receiptsEnd;
    if (first === undefined) return this.#options.receiptsFrom;
    for (const [offset, { at }] of this.#known) {
      if (offset < place) this.#known.delete(offset);
      else if (at < first) first = at;
    }
    return first;
  }

  /** Keeps that they are received once more. @returns whether that is kept; not, where the partition is others' by then */
  async received(messages: readonly Message[]): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs();
    const isKept = await this.#keep(messages, ({ received, firstMs }) => ({
      received: received + 1,
      firstMs: firstMs === 0 ? nowMs : firstMs,
      lastMs: nowMs,
    }));
    for (const message of messages) {
      message.received++;
      if (message.firstMs === 0) message.firstMs = nowMs;
    }
    return isKept;
  }

  /** They are done with. */
  async deleted(messages: readonly Message[]): Promise<void> {
    if (await this.#keep(messages, () => 'deleted')) this.#options.lane.settled(messages.map(({ entry }) => entry));
  }

  /** Not deleted: they are handed out again once they have been hidden for long enough. */
  hide(messages: readonly Message[], sinceMs: number): void {
    const { clock, visibilityTimeoutMs, onVisible, lane } = this.#options;
    const waitMs = Math.max(queueLimits.visibilityMsMin, sinceMs + visibilityTimeoutMs - clock.nowMs());
    void delayOrAbort(clock, Math.min(waitMs, queueLimits.visibilityTimeoutMsMax), lane.stop).then(() => {
      if (!lane.stop.aborted) onVisible(messages);
    });
  }

  /** They go to the dead letter queue, or are given up where there is none. */
  async giveUp(messages: readonly Message[], condition: 'ReceiveCountExceeded' | 'RecordTooLarge'): Promise<void> {
    const { lane } = this.#options;
    const letters = messages.map(({ entry, received, failure = unknownFailure }) => ({
      record: entry.record,
      condition,
      failure,
      attempts: received,
    }));
    if (await lane.giveUp(letters)) await this.deleted(messages);
  }

  async #run(): Promise<void> {
    const { lane } = this.#options;
    await this.#load();
    if (!lane.stop.aborted)
      await new Promise<void>((resolve) => lane.stop.addEventListener('abort', () => resolve(), { once: true }));
    if (this.#busyCount > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Never rejects. */
  async #load(): Promise<void> {
    const { receipts, place, receiptsFrom, lane, clock, logger } = this.#options;
    while (!lane.stop.aborted) {
      try {
        const { known, end } = await receipts.of(place, receiptsFrom);
        this.#known = known;
        this.#receiptsEnd = end;
        this.#isLoaded = true;
        this.#take(this.#early.splice(0));
        lane.onProblem(undefined);
        return;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        logger.error({ ...place, ...error.toJSON() }, 'the receipts of a queue cannot be read; trying again');
        lane.onProblem({ errorCode: error.code, errorType: error.name, errorMessage: error.message });
        await delayOrAbort(clock, retryDelayMs, lane.stop);
      }
    }
  }

  #take(entries: readonly LaneRecord[]): void {
    const { lane, onVisible, clock, visibilityTimeoutMs } = this.#options;
    const visible: Message[] = [];
    const done: LaneRecord[] = [];
    for (const entry of entries) {
      const said = this.#known.get(entry.record.offset)?.said;
      if (said === 'deleted') {
        done.push(entry);
        continue;
      }
      const { received = 0, firstMs = 0, lastMs = 0 } = said ?? {};
      const message = { work: this, entry, received, firstMs, failure: undefined };
      // Whoever received it may have been killed: it stays hidden for as long as it was to be.
      if (received > 0 && lastMs + visibilityTimeoutMs > clock.nowMs()) this.hide([message], lastMs);
      else visible.push(message);
    }
    if (done.length > 0) lane.settled(done);
    if (visible.length > 0) onVisible(visible);
  }

  /** @returns false once it was stopped, and what could not be kept until then stays as it was */
  async #keep(messages: readonly Message[], said: (message: Message) => KnownMessage['said']): Promise<boolean> {
    const { receipts, place, lane, clock, logger } = this.#options;
    const changes = messages.map((message): readonly [bigint, KnownMessage['said']] => [
      message.entry.record.offset,
      said(message),
    ]);
    for (;;) {
      try {
        const at = await receipts.put(place, changes);
        for (const [index, [offset, one]] of changes.entries()) this.#known.set(offset, { said: one, at: at[index]! });
        this.#receiptsEnd = (at.at(-1) ?? -1n) + 1n;
        lane.onProblem(undefined);
        return true;
      } catch (thrown) {
        const error = ThroughlineError.from(thrown);
        logger.error({ ...place, ...error.toJSON() }, 'the receipts of a queue cannot be kept; trying again');
        lane.onProblem({ errorCode: error.code, errorType: error.name, errorMessage: error.message });
        if (lane.stop.aborted || error.code === 'CLOSED') return false;
        await delayOrAbort(clock, retryDelayMs, lane.stop);
      }
    }
  }
}

const unknownFailure: BatchFailure = {
  errorCode: 'FUNCTION_ERROR',
  errorType: 'Unknown',
  errorMessage: 'it failed while another server had it',
};
