// Memory for the batches of the tail cache: slabs that are filled one batch after the other and used again when the last batch
// in them has been evicted. A batch that kept the memory it came in would outlive two collections of the young generation,
// and with some hundred MiB/s of them a collector that should find nothing to do runs twenty times a second.
import { uninitialised } from '../disk/bytes.ts';
import { tailSlabBytesMax, tailSlabsFreeBytesMax } from '../defaults.ts';

export interface Slab {
  readonly bytes: Uint8Array;
  filledBytes: number;
  /** Batches in it that have not been evicted. */
  batchCount: number;
}

/** A partition with fewer cached bytes than this has no slab: ten thousand quiet partitions must not have one each. */
const slabbedBytesMin = 64 * 1024;
const slabBytesMin = 64 * 1024;

export class TailSlabs {
  /** By size; each size is a power of two. */
  readonly #free = new Map<number, Slab[]>();
  #freeBytes = 0;

  /** The slab for a batch of `batchBytes`: `current` while there is room, or another; undefined when it goes without one. */
  for(current: Slab | undefined, batchBytes: number, cachedBytes: number): Slab | undefined {
    if (cachedBytes < slabbedBytesMin || batchBytes > tailSlabBytesMax) return undefined;
    if (current !== undefined && current.filledBytes + batchBytes <= current.bytes.length) return current;
    // A busier partition has larger slabs, so that no more than an eighth of what it caches is lost at their ends.
    let slabBytes = slabBytesMin;
    while (slabBytes < tailSlabBytesMax && (slabBytes < batchBytes * 2 || slabBytes * 8 < cachedBytes)) slabBytes *= 2;
    const used = this.#free.get(slabBytes)?.pop();
    if (used === undefined) return { bytes: uninitialised(slabBytes), filledBytes: 0, batchCount: 0 };
    this.#freeBytes -= slabBytes;
    used.filledBytes = 0;
    return used;
  }

  /** Takes a slab back whose last batch is gone. */
  give(slab: Slab): void {
    const slabBytes = slab.bytes.length;
    if (this.#freeBytes + slabBytes > tailSlabsFreeBytesMax) return;
    this.#freeBytes += slabBytes;
    const free = this.#free.get(slabBytes);
    if (free === undefined) this.#free.set(slabBytes, [slab]);
    else free.push(slab);
  }
}
