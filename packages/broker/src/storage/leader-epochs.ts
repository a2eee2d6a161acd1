// Which leader epoch began at which offset, `leader-epoch-checkpoint` (KIP-101, KIP-320). A single broker leads always;
// it begins a new epoch after every unclean stop, because then a tail that somebody has read may be gone, and an epoch
// is how a consumer finds out: it asks where its own epoch ended and sees an offset below its position.
//
// The file can be made again from the batches (leader-epoch-search.ts), all but epochs in which nothing was appended.
import { assert } from '@throughline/event';
import { decodeCheckpoint, encodeCheckpoint, isNumber } from '../disk/checkpoint-file.ts';

export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: bigint;
}

export class LeaderEpochs {
  /** The file has them as they are here. */
  isStored = false;
  /** Both columns grow strictly. */
  #starts: EpochStart[] = [];

  static decode(bytes: Uint8Array | undefined): LeaderEpochs | undefined {
    const lines = bytes === undefined ? undefined : decodeCheckpoint(bytes);
    if (lines === undefined) return undefined;
    const epochs = new LeaderEpochs();
    for (const [epoch, startOffset] of lines) {
      if (!isNumber(epoch) || !isNumber(startOffset)) return undefined;
      const start = { epoch: Number(epoch), startOffset: BigInt(startOffset) };
      const before = epochs.#starts.at(-1);
      if (before !== undefined && (before.epoch >= start.epoch || before.startOffset >= start.startOffset))
        return undefined;
      epochs.#starts.push(start);
    }
    epochs.isStored = true;
    return epochs;
  }

  encode(): Uint8Array {
    return encodeCheckpoint(this.#starts.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`));
  }

  /**
   * True when these can be the epochs of a log from `logStartOffset` to `logEndOffset`: they begin with it, and none begins
   * behind its end.
   */
  fits(logStartOffset: bigint, logEndOffset: bigint): boolean {
    const [first] = this.#starts;
    return (
      first !== undefined && first.startOffset <= logStartOffset && this.#starts.at(-1)!.startOffset <= logEndOffset
    );
  }

  /** Forgets all that was known for what was found in the log; both columns grow strictly. */
  replace(starts: readonly EpochStart[]): void {
    this.#starts = [...starts];
    this.isStored = false;
  }

  /** The epoch that appends are made in; -1 before the first. */
  get current(): number {
    return this.#starts.at(-1)?.epoch ?? -1;
  }

  /** Begins `epoch` at `startOffset`; epochs that would begin there or later, and so hold nothing, are forgotten. */
  begin(epoch: number, startOffset: bigint): void {
    assert(epoch > this.current, 'a leader epoch is larger than those before it');
    this.#starts = this.#starts.filter((start) => start.startOffset < startOffset);
    this.#starts.push({ epoch, startOffset });
    this.isStored = false;
  }

  /** The epoch that `offset` belongs to; -1 for one from before all that is known. */
  at(offset: bigint): number {
    return this.#starts.findLast((start) => start.startOffset <= offset)?.epoch ?? -1;
  }

  /**
   * Where `epoch` ended, as Kafka's LeaderEpochFileCache.endOffsetFor says it: the largest epoch at or below it, and the
   * start of the next one, or the end of the log for the current one. For an epoch from before all that is known, where
   * the first known one begins; undefined for one that has not begun.
   */
  endOffset(epoch: number, logEndOffset: bigint): { readonly epoch: number; readonly endOffset: bigint } | undefined {
    if (epoch < 0 || epoch > this.current) return undefined;
    const next = this.#starts.findIndex((start) => start.epoch > epoch);
    if (next < 0) return { epoch: this.current, endOffset: logEndOffset };
    return { epoch: this.#starts[next - 1]?.epoch ?? epoch, endOffset: this.#starts[next]!.startOffset };
  }

  /** Forgets what lies before the first offset kept; the epoch of that offset then begins there. */
  truncateFromStart(logStartOffset: bigint): boolean {
    const first = this.#starts.findLastIndex((start) => start.startOffset <= logStartOffset);
    if (first <= 0) return false;
    const { epoch } = this.#starts[first]!;
    this.#starts = [{ epoch, startOffset: logStartOffset }, ...this.#starts.slice(first + 1)];
    return true;
  }
}
