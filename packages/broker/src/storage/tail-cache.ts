// The newest batches of the partitions, kept in memory so that whoever follows the log reads without the disk. Each
// partition has a bound of its own, and all together have one: when that is reached, the partition that has been written
// to least recently gives up its oldest batches first.

import type { ReadBuffers } from './read-buffers.ts';
import { TailSlabs, type Slab } from './tail-slabs.ts';

interface CachedBatch {
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly bytes: Uint8Array;
  /** Where its bytes are, and will be others' after its eviction. */
  readonly slab: Slab | undefined;
}

/** The bound that all partitions share. */
export class TailCacheBudget {
  readonly slabs: TailSlabs = new TailSlabs();
  readonly #bytesMax: number;
  /** In the order of their last append. */
  readonly #caches = new Set<TailCache>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Accounts for a change of `cache`, and makes room. */
  note(cache: TailCache, bytes: number): void {
    this.#bytes += bytes;
    if (bytes <= 0) return;
    this.#caches.delete(cache);
    this.#caches.add(cache);
    for (const oldest of this.#caches) {
      while (this.#bytes > this.#bytesMax && oldest.evictOldest());
      if (this.#bytes <= this.#bytesMax) return;
    }
  }

  forget(cache: TailCache): void {
    this.#caches.delete(cache);
  }
}

export class TailCache {
  readonly #budget: TailCacheBudget;
  readonly #bytesMax: number;
  /** Oldest first, without gaps; those before #head are gone already. */
  #batches: CachedBatch[] = [];
  #head = 0;
  #bytes = 0;
  /** Batches from here on are nowhere else yet and must stay. */
  #unwrittenOffset = 2n ** 63n;
  /** What the next batches go into. */
  #slab: Slab | undefined;

  constructor(budget: TailCacheBudget, bytesMax: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
  }

  /** Adds the next batch. */
  add(baseOffset: bigint, lastOffset: bigint, batch: Uint8Array): void {
    const last = this.#batches.at(-1);
    if (last !== undefined && last.lastOffset + 1n !== baseOffset) this.clear();
    this.#slab = this.#budget.slabs.for(this.#slab, batch.length, this.#bytes);
    const bytes = this.#slab === undefined ? ownBytes(batch) : copyInto(this.#slab, batch);
    this.#batches.push({ baseOffset, lastOffset, bytes, slab: this.#slab });
    this.#bytes += bytes.length;
    this.#budget.note(this, bytes.length);
    while (this.#bytes > this.#bytesMax && this.evictOldest());
  }

  /** Batches from `offset` on may not be evicted. */
  keepFrom(offset: bigint): void {
    this.#unwrittenOffset = offset;
  }

  /** Gives up the oldest batch; false when there is none that may go. */
  evictOldest(): boolean {
    const oldest = this.#batches[this.#head];
    if (oldest === undefined || oldest.baseOffset >= this.#unwrittenOffset) return false;
    this.#head++;
    this.#release(oldest);
    this.#bytes -= oldest.bytes.length;
    this.#budget.note(this, -oldest.bytes.length);
    // The array is cut once half of it is gone, which costs a constant per batch.
    if (this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  /** Whole batches from the one that contains `offset` on, or undefined when that one is not here. */
  read(offset: bigint, bytesMax: number, endOffset: bigint, buffers: ReadBuffers): Uint8Array | undefined {
    const first = this.#indexOf(offset);
    if (first === undefined) return undefined;
    let end = first;
    let bytes = 0;
    for (; end < this.#batches.length; end++) {
      const batch = this.#batches[end]!;
      if (batch.lastOffset >= endOffset) break;
      if (end > first && bytes + batch.bytes.length > bytesMax) break;
      bytes += batch.bytes.length;
    }
    if (end === first) return undefined;
    const only = end === first + 1 ? this.#batches[first]! : undefined;
    if (only !== undefined && only.slab === undefined) return only.bytes;
    const joined = buffers.take(bytes);
    let at = 0;
    for (let i = first; i < end; i++) {
      joined.set(this.#batches[i]!.bytes, at);
      at += this.#batches[i]!.bytes.length;
    }
    return joined;
  }

  /** Gives everything up. */
  clear(): void {
    this.#budget.note(this, -this.#bytes);
    for (let i = this.#head; i < this.#batches.length; i++) this.#release(this.#batches[i]!);
    this.#slab = undefined;
    this.#batches = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  close(): void {
    this.clear();
    this.#budget.forget(this);
  }

  #release({ slab }: CachedBatch): void {
    if (slab === undefined || --slab.batchCount > 0) return;
    if (slab === this.#slab) this.#slab = undefined;
    this.#budget.slabs.give(slab);
  }

  #indexOf(offset: bigint): number | undefined {
    let low = this.#head;
    let high = this.#batches.length - 1;
    if (high < low || offset < this.#batches[low]!.baseOffset || offset > this.#batches[high]!.lastOffset)
      return undefined;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A small view would hold on to the whole buffer that it is cut from, a socket's for instance. */
function ownBytes(batch: Uint8Array): Uint8Array {
  return batch.length * 2 < batch.buffer.byteLength ? new Uint8Array(batch) : batch;
}

function copyInto(slab: Slab, batch: Uint8Array): Uint8Array {
  const at = slab.filledBytes;
  slab.bytes.set(batch, at);
  slab.filledBytes = at + batch.length;
  slab.batchCount++;
  return slab.bytes.subarray(at, at + batch.length);
}
