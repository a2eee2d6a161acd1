// How many bytes there are for a Fetch that waits for more (min_bytes). They are counted as they come: of a partition that has
// advanced only what is new is looked at, and nothing is kept. Reading everything again at each append would cost the square
// of what is waited for, for each that waits. Apache Kafka counts by the positions of offsets in their files (DelayedFetch).
import { offsetBehind, readBatchHeader, readBatchSize } from '@throughline/wire';
import type { PartitionLog } from '../storage/partition-face.ts';
import { readBufferBytes } from '../defaults.ts';
import type { FetchResult, FetchTarget } from './fetch-target.ts';
import { readableLog, type FetchServices, type ReadOptions } from './read-partitions.ts';

interface Counted {
  readonly target: FetchTarget;
  /** Everything below it is counted. */
  offset: bigint;
  bytes: number;
}

export class GrowingBytes {
  readonly #services: FetchServices;
  readonly #options: ReadOptions;
  readonly #counted: readonly Counted[];
  #bytes = 0;
  #isUrgent = false;

  /** Goes on from what a first reading has found, none of which was an error. */
  constructor(services: FetchServices, options: ReadOptions, results: readonly FetchResult[]) {
    this.#services = services;
    this.#options = options;
    this.#counted = results.map(({ target, partition: { records } }) => {
      const bytes = records?.length ?? 0;
      this.#bytes += bytes;
      return { target, bytes, offset: records === null || bytes === 0 ? target.fetchOffset : endOf(records) };
    });
  }

  /** Of all partitions, each up to the bound that it has. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A partition has something to say at once. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /**
   * Counts what is new in the partition of this place, as far as `bytesWanted` in all are not there.
   *
   * @returns undefined where nothing is
   */
  count(place: number, bytesWanted: number): Promise<void> | undefined {
    const counted = this.#counted[place]!;
    const found = readableLog(this.#services, this.#options, counted.target);
    if ('answer' in found) {
      this.#isUrgent = true;
      return undefined;
    }
    // A first batch counts however small the bound is.
    const bytesMax = Math.max(1, counted.target.bytesMax);
    const missing = Math.min(bytesWanted - this.#bytes, bytesMax - counted.bytes);
    if (missing <= 0 || counted.offset >= found.log.highWatermark) return undefined;
    // As much as one buffer of the pool holds at a time.
    const counting = this.#countNext(counted, found.log, Math.min(missing, readBufferBytes));
    return counting.then(() => (this.#isUrgent ? undefined : this.count(place, bytesWanted)));
  }

  async #countNext(counted: Counted, log: PartitionLog, bytesMax: number): Promise<void> {
    try {
      const { batches } = await log.read(counted.offset, bytesMax);
      counted.offset = endOf(batches);
      counted.bytes += batches.length;
      this.#bytes += batches.length;
      log.release(batches);
    } catch {
      // The reading that answers says what it is.
      this.#isUrgent = true;
    }
  }
}

/** The offset behind whole batches. */
function endOf(batches: Uint8Array): bigint {
  for (let position = 0; ;) {
    const next = position + readBatchSize(batches, position);
    if (next >= batches.length) return offsetBehind(readBatchHeader(batches, position));
    position = next;
  }
}
