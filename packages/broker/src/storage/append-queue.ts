// What waits to be written to a partition, in the order of the calls: batches, and things to be done between two writes.
import type { ThroughlineError } from '@throughline/event';
import type { RecordBatchHeader } from '@throughline/wire';
import type { KnownProducer, PendingBatch } from '../producers/known-producer.ts';

/** A batch on its way. */
export interface WaitingBatch extends PendingBatch {
  readonly batch: Uint8Array;
  header: RecordBatchHeader;
  /** Of an idempotent batch: is told what becomes of it. */
  readonly producer: KnownProducer | undefined;
  /** It had its offset in the call, and readers may have it: it must not be rejected any more. */
  readonly isPlaced: boolean;
  /** Its caller has been told that it is kept, before the disk has it. */
  isAcknowledged: boolean;
  /** It is answered for good, and forgotten here. */
  isSettled: boolean;
  readonly resolve: (header: RecordBatchHeader) => void;
  readonly reject: (error: ThroughlineError) => void;
}

/** Something to do in its place in the queue, when nothing is being written. */
export interface Command {
  /** Never rejects. */
  readonly run: () => Promise<void>;
  /** Called instead of `run` when its place is never reached. */
  readonly reject: (error: ThroughlineError) => void;
}

export class AppendQueue {
  #waiting: (WaitingBatch | Command)[] = [];
  /** Bytes of the batches that are neither acknowledged nor rejected, those taken for a write included. */
  bytes = 0;
  /** How many of them have no offset of their own yet. */
  unplacedCount = 0;
  /** How many have been answered. */
  settledCount = 0;

  get head(): WaitingBatch | Command | undefined {
    return this.#waiting[0];
  }

  get hasBatches(): boolean {
    return this.#waiting.some((waiting) => !isCommand(waiting));
  }

  /** Bytes of waiting batches whose callers have been told that they are kept. */
  get acknowledgedBytes(): number {
    let bytes = 0;
    for (const one of this.#waiting) if (!isCommand(one) && one.isAcknowledged) bytes += one.batch.length;
    return bytes;
  }

  add(batch: WaitingBatch): void {
    this.bytes += batch.batch.length;
    if (!batch.isPlaced) this.unplacedCount++;
    this.#waiting.push(batch);
  }

  addCommand(command: Command): void {
    this.#waiting.push(command);
  }

  takeCommand(): Command | undefined {
    const head = this.#waiting[0];
    if (head === undefined || !isCommand(head)) return undefined;
    this.#waiting.shift();
    return head;
  }

  /** Takes batches off the front for as long as `fits` says so of each, given the bytes taken before it. */
  take(countMax: number, fits: (batch: WaitingBatch, bytesBefore: number) => boolean): WaitingBatch[] {
    const taken: WaitingBatch[] = [];
    let bytes = 0;
    for (const waiting of this.#waiting) {
      if (isCommand(waiting) || taken.length === countMax || !fits(waiting, bytes)) break;
      bytes += waiting.batch.length;
      taken.push(waiting);
    }
    this.#waiting.splice(0, taken.length);
    return taken;
  }

  /** Puts batches that were taken back to the front. */
  putBack(batches: readonly WaitingBatch[]): void {
    this.#waiting.unshift(...batches);
  }

  /** The last batch that has its offset. */
  get lastPlaced(): WaitingBatch | undefined {
    return this.#waiting.findLast((waiting): waiting is WaitingBatch => !isCommand(waiting) && waiting.isPlaced);
  }

  /** Acknowledges a batch that was taken. */
  acknowledge(batch: WaitingBatch): void {
    if (!this.#forget(batch)) return;
    batch.producer?.keep(batch);
    batch.resolve(batch.header);
  }

  /** Rejects batches that were taken. */
  reject(batches: readonly WaitingBatch[], error: ThroughlineError): void {
    for (const batch of batches) {
      if (!this.#forget(batch)) continue;
      batch.producer?.withdraw(batch);
      batch.reject(error);
    }
  }

  /** Answers the commands that wait: their places are not reached. */
  rejectCommands(error: ThroughlineError): void {
    const commands = this.#waiting.filter(isCommand);
    this.#waiting = this.#waiting.filter((waiting) => !isCommand(waiting));
    for (const { reject } of commands) reject(error);
  }

  /** Rejects what waits: everything that has no offset yet, or all of it. Commands stay. */
  rejectWaiting(which: 'unplaced' | 'all', error: ThroughlineError): void {
    const batches = this.#waiting.filter((waiting): waiting is WaitingBatch => !isCommand(waiting));
    const rejected = which === 'all' ? batches : batches.filter(({ isPlaced }) => !isPlaced);
    if (rejected.length === 0) return;
    const gone = new Set<WaitingBatch | Command>(rejected);
    this.#waiting = this.#waiting.filter((waiting) => !gone.has(waiting));
    this.reject(rejected, error);
  }

  /** False when it is forgotten already: nothing is answered twice. */
  #forget(waiting: WaitingBatch): boolean {
    if (waiting.isSettled) return false;
    waiting.isSettled = true;
    this.settledCount++;
    this.bytes -= waiting.batch.length;
    if (!waiting.isPlaced) this.unplacedCount--;
    return true;
  }
}

function isCommand(waiting: WaitingBatch | Command): waiting is Command {
  return 'run' in waiting;
}
