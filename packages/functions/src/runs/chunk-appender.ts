// Puts the chunks of one run on the log, several to a record. The first chunk after a pause is appended at once (nobody
// waits for a window to fill); those that come within the window after it share the next record, which closes early when
// it is large enough. Chunks that show nothing by themselves (the begin of a reply, of a step, of a text) wait for the one
// that does: appended alone they would open the window, and the first token would wait for its end. One append is under way at a time, so the log gets the records in the order of their `seq` even when
// one has to be tried again, and what comes meanwhile shares the next record.
//
// Nothing is appended before the supervisor has read back that it owns the run: until `open` all is held.
import { ThroughlineError, type Clock, type Timer, type UiChunk } from '@throughline/event';
import { isShown } from './ui-chunks.ts';

export interface ChunkAppenderOptions {
  readonly clock: Clock;
  readonly windowMs: number;
  readonly bytesMax: number;
  /** No record has more bytes of chunks than this, unless a single chunk has. */
  readonly recordBytesMax: number;
  /** Above this many bytes of chunks that wait, `onPressure(true)` is called, and `false` when they have gone. */
  readonly pendingBytesMax: number;
  readonly retryMs: number;
  readonly retriesMax: number;
  onPressure(isHigh: boolean): void;
  /** An append failed for good; nothing more will be appended. */
  onFailed(error: ThroughlineError): void;
}

/** Writes one append of the run it is opened for. */
export interface ChunkWriter {
  /**
   * Appends `chunks` as the record of `seq`, if there are any, and after them the events that end the run, if `isLast`;
   * all in one append.
   */
  append(chunks: readonly UiChunk[], seq: number, isLast: boolean): Promise<unknown>;
}

interface PendingChunk {
  readonly chunk: UiChunk;
  readonly bytes: number;
}

export class ChunkAppender {
  readonly #options: ChunkAppenderOptions;
  #writer: ChunkWriter | undefined;
  #nextSeq = 0;
  #pending: PendingChunk[] = [];
  #pendingBytes = 0;
  /** Whether a reader would see anything of what waits; and since when it waits. */
  #isAnyShown = false;
  #pendingSinceMs = 0;
  #isHigh = false;
  #isAppending = false;
  #isEnding = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #flushScheduled = false;
  #lastFlushMs = Number.NEGATIVE_INFINITY;
  #idle: (() => void)[] = [];

  constructor(options: ChunkAppenderOptions) {
    this.#options = options;
  }

  /** From here on chunks are appended; `nextSeq` is the seq of the first. */
  open(writer: ChunkWriter, nextSeq: number): void {
    this.#writer = writer;
    this.#nextSeq = nextSeq;
    this.#flushSoon();
  }

  /** Holds everything again, until the next `open`; for a run that another one takes over from. */
  hold(): void {
    this.#writer = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  push(chunk: UiChunk, bytes: number): void {
    if (this.#isClosed || this.#isEnding) return;
    if (this.#pending.length === 0) this.#pendingSinceMs = this.#options.clock.monotonicMs();
    this.#isAnyShown ||= isShown(chunk);
    this.#pending.push({ chunk, bytes });
    this.#pendingBytes += bytes;
    if (!this.#isHigh && this.#pendingBytes > this.#options.pendingBytesMax) {
      this.#isHigh = true;
      this.#options.onPressure(true);
    }
    this.#flushSoon();
  }

  /** Appends what is left together with the events that end the run; nothing is taken after it. */
  end(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isEnding = true;
    this.#flush();
  }

  /** Drops what waits and appends nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#pending = [];
    this.#timer?.cancel();
    this.#wakeIdle();
  }

  /** Appends what waits, unless an append is under way. */
  flush(): void {
    this.#flush();
  }

  /** Appends what waits and resolves when no append is under way. */
  async drain(): Promise<void> {
    this.#flush();
    if (this.#isAppending) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** All frames of one read are handled before the flush, so that they share its record. */
  #flushSoon(): void {
    if (this.#flushScheduled || this.#isAppending || this.#writer === undefined || this.#isClosed) return;
    if (this.#pending.length === 0) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      const { clock, windowMs, bytesMax } = this.#options;
      const nowMs = clock.monotonicMs();
      // What shows nothing waits its own time out: by then its function is busy with something else.
      const dueMs = windowMs + (this.#isAnyShown ? this.#lastFlushMs : this.#pendingSinceMs);
      if (dueMs <= nowMs || this.#pendingBytes >= bytesMax) return this.#flush();
      this.#timer?.cancel();
      this.#timer = clock.after(dueMs - nowMs, () => this.#flush());
    });
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#isClosed || this.#isAppending || this.#writer === undefined) return;
    if (this.#pending.length === 0 && !this.#isEnding) return;
    const chunks = this.#takeRecord();
    const isLast = this.#isEnding && this.#pending.length === 0;
    this.#isAppending = true;
    this.#lastFlushMs = this.#options.clock.monotonicMs();
    const seq = this.#nextSeq;
    if (chunks.length > 0) this.#nextSeq++;
    this.#append(this.#writer, chunks, seq, isLast, 0);
    if (this.#isHigh && this.#pendingBytes <= this.#options.pendingBytesMax) {
      this.#isHigh = false;
      this.#options.onPressure(false);
    }
  }

  /** As many of the chunks that wait as fit into one record. */
  #takeRecord(): UiChunk[] {
    let bytesLeft = this.#options.recordBytesMax;
    let count = 0;
    for (const { bytes } of this.#pending) {
      bytesLeft -= bytes;
      if (bytesLeft < 0 && count > 0) break;
      this.#pendingBytes -= bytes;
      count++;
    }
    const taken = this.#pending.splice(0, count).map(({ chunk }) => chunk);
    this.#isAnyShown = this.#pending.length > 0;
    return taken;
  }

  #append(writer: ChunkWriter, chunks: readonly UiChunk[], seq: number, isLast: boolean, retries: number): void {
    writer.append(chunks, seq, isLast).then(
      () => this.#onAppended(isLast),
      (cause: unknown) => {
        const error = ThroughlineError.from(cause);
        if (this.#isClosed || !error.retriable || error.code === 'CLOSED' || retries >= this.#options.retriesMax) {
          this.#isAppending = false;
          const wasClosed = this.#isClosed;
          this.close();
          if (!wasClosed) this.#options.onFailed(error);
          return;
        }
        // The same record again: nothing of it is kept, and if the log is wrong about that its seq makes it a duplicate.
        this.#options.clock.after(this.#options.retryMs, () => this.#append(writer, chunks, seq, isLast, retries + 1));
      },
    );
  }

  #onAppended(isLast: boolean): void {
    this.#isAppending = false;
    if (isLast) this.close();
    else if (this.#isEnding || this.#idle.length > 0) this.#flush();
    else this.#flushSoon();
    if (!this.#isAppending) this.#wakeIdle();
  }

  #wakeIdle(): void {
    for (const wake of this.#idle.splice(0)) wake();
  }
}
