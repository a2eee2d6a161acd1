// The segments of one partition, oldest first; the last is the active one. No gap lies inside a segment; between two there
// may be one, where synced records were lost to the disk: a read there goes on with the next segment.
import type { RecordBatchHeader } from '@throughline/wire';
import { decideDamage, noteCase, type Stop } from './recovery-cases.ts';
import type { DecideDamage, SegmentVisitor } from './recovery.ts';
import { Segment } from './segment.ts';
import type { SegmentEnvironment } from './segment-environment.ts';
import { deletedSuffix, segmentName, segmentOfFile } from '../disk/segment-name.ts';
import type { SegmentReadRequest } from './segment-reader.ts';
import { Unsynced } from './unsynced.ts';

export interface RecoveryStart {
  /** Where an empty partition begins. */
  readonly logStartOffset: bigint;
  /** Everything below it was synced; undefined when that is not known. */
  readonly recoveryPoint: bigint | undefined;
  readonly stop: Stop;
  /** Whether the commit journal has the records of this partition from `offset` on. */
  readonly isInJournal: (offset: bigint) => Promise<boolean>;
}

/** How the first segments of a log are removed. */
export type Removal = 'at once' | 'one by one';

const emptyBytes = new Uint8Array(0);

export class Segments {
  readonly #environment: SegmentEnvironment;
  readonly #folder: string;
  /** Replaced, never changed in place: a read goes on with the list that it began with. */
  #all: readonly Segment[];
  /** Bytes of all but the active one. */
  #sealedBytes = 0;
  /** Names in the folder. */
  readonly #unsyncedNames = new Unsynced();

  private constructor(environment: SegmentEnvironment, folder: string, all: Segment[]) {
    this.#environment = environment;
    this.#folder = folder;
    this.#all = all;
    for (const segment of all.slice(0, -1)) this.#sealedBytes += segment.sizeBytes;
  }

  /** Opens what is in the folder; after an unclean stop everything from the recovery point on is checked. */
  static async open(
    environment: SegmentEnvironment,
    { folder, names }: { readonly folder: string; readonly names: readonly string[] },
    start: RecoveryStart,
    visitor: SegmentVisitor,
  ): Promise<Segments> {
    const { disk, logger } = environment;
    for (const name of names.filter((name) => name.endsWith(deletedSuffix))) await disk.remove(`${folder}/${name}`);
    const bases = names.flatMap((name) => segmentOfFile(name) ?? []).sort((a, b) => (a < b ? -1 : 1));
    const { recoveryPoint = 0n } = start;
    const isClean = start.stop === 'clean';
    const decide = damageDecider(start);
    const all: Segment[] = [];
    for (const [i, base] of bases.entries()) {
      const before = all.at(-1);
      if (before !== undefined && base < before.nextOffset) {
        const aside = await (await Segment.sealed(environment, folder, base, base)).setAside();
        noteCase(logger, 'segments-overlap', { folder, offset: base.toString(), aside });
        continue;
      }
      const next = bases[i + 1];
      // A segment that ends at or below the recovery point has been synced, indexes and all.
      if (next !== undefined && (isClean || next <= recoveryPoint)) {
        all.push(await Segment.sealed(environment, folder, base, next));
        continue;
      }
      // What a segment in the middle has lost at its end shows where the next one begins.
      const task = {
        isClean,
        decide,
        isFollowed: next !== undefined,
        syncedOffset: next === undefined ? recoveryPoint : 0n,
      };
      const { segment, cut, endsInGap } = await Segment.recover(environment, folder, base, task, visitor);
      all.push(segment);
      let isCut = cut !== undefined;
      if (!isCut && next !== undefined && next > segment.nextOffset && !environment.isSparse) {
        const decision = await decide(segment.nextOffset, true);
        const fields = { folder, offset: segment.nextOffset.toString(), problem: `the next segment begins at ${next}` };
        noteCase(logger, decision.name, fields);
        isCut = decision.does === 'cut';
      }
      if (isCut) {
        for (const later of bases.slice(i + 1)) {
          const aside = await (await Segment.sealed(environment, folder, later, later)).setAside();
          logger.warn({ folder, offset: later.toString(), aside }, 'a segment behind the end of its log is set aside');
        }
        break;
      }
      if (next !== undefined) await segment.seal();
      else if (endsInGap) {
        await segment.seal();
        all.push(await Segment.create(environment, folder, segment.nextOffset));
      }
    }
    if (all.length === 0) {
      // Offsets that were given out once are not given out again, even when the files are gone.
      const { logStartOffset } = start;
      if (recoveryPoint > logStartOffset)
        noteCase(logger, 'segments-missing', { folder, offset: recoveryPoint.toString() });
      const baseOffset = maxOf(recoveryPoint, logStartOffset);
      all.push(
        baseOffset === 0n && !names.some((name) => name.startsWith(segmentName(baseOffset)))
          ? Segment.unmade(environment, folder, baseOffset)
          : await Segment.create(environment, folder, baseOffset),
      );
    }
    const segments = new Segments(environment, folder, all);
    if (!isClean || bases.length === 0) segments.#unsyncedNames.note();
    return segments;
  }

  /** True while nothing has ever been appended, as far as the files say: there is nothing that a sync could lose. */
  get isUntouched(): boolean {
    return this.#all.length === 1 && this.active.baseOffset === 0n && this.active.sizeBytes === 0;
  }

  get active(): Segment {
    return this.#all.at(-1)!;
  }

  get bytes(): number {
    return this.#sealedBytes + this.active.sizeBytes;
  }

  /** The first offset that the files hold. */
  get startOffset(): bigint {
    return this.#all[0]!.baseOffset;
  }

  /** The offset after the last record written. */
  get endOffset(): bigint {
    return this.active.nextOffset;
  }

  get baseOffsets(): readonly bigint[] {
    return this.#all.map(({ baseOffset }) => baseOffset);
  }

  /** Visits the heads of all batches, from the segment that `offset` is in. */
  async visitFrom(offset: bigint, visit: (header: RecordBatchHeader) => void): Promise<void> {
    for (const segment of this.#all.slice(this.#indexOf(offset))) await segment.visitHeads(visit);
  }

  /** Writes whole batches to the active segment. When that fails, none of them counts: call `cutTornTail`. */
  append(batches: readonly Uint8Array[], headers: readonly RecordBatchHeader[]): Promise<void> {
    return this.active.append(batches, headers);
  }

  cutTornTail(): Promise<void> {
    return this.active.cutTornTail();
  }

  /** Closes the active segment and begins a new one at `baseOffset`. */
  async roll(baseOffset: bigint = this.endOffset): Promise<void> {
    const { active } = this;
    if (active.sizeBytes === 0 && active.baseOffset === baseOffset) return;
    // The new one first: on a full disk the old one stays as it is.
    const next = await Segment.create(this.#environment, this.#folder, baseOffset);
    try {
      await active.seal();
    } catch (error) {
      await next.remove();
      throw error;
    }
    this.#sealedBytes += active.sizeBytes;
    this.#all = [...this.#all, next];
    this.#unsyncedNames.note();
  }

  /** Forgets everything from `offset` on, the first of a batch. */
  async truncateTo(offset: bigint): Promise<void> {
    while (this.#all.length > 1 && this.active.baseOffset > offset) {
      const { active } = this;
      this.#all = this.#all.slice(0, -1);
      await active.remove();
      this.#sealedBytes -= this.active.sizeBytes;
      await this.active.reopen();
      this.#unsyncedNames.note();
    }
    await this.active.truncateTo(offset);
  }

  /** Reads whole batches from the one that contains the offset on, of one segment. */
  async read(request: SegmentReadRequest): Promise<Uint8Array> {
    const all = this.#all;
    for (let i = this.#indexOf(request.offset); i < all.length; i++) {
      const batches = await all[i]!.read(request);
      if (batches.length > 0) return batches;
    }
    return emptyBytes;
  }

  /** The offset of a batch that holds the first timestamp at or after `timestampMs`, or undefined. */
  async batchForTime(timestampMs: number, fromOffset: bigint): Promise<bigint | undefined> {
    for (const segment of this.#all.slice(this.#indexOf(fromOffset))) {
      if ((await segment.largestTimestampMs()) < timestampMs) continue;
      const offset = await segment.batchForTime(timestampMs, fromOffset);
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  /** The largest timestamp of the batches that end at or after `fromOffset`; -1 when they have none. */
  async largestTimestampMs(fromOffset: bigint): Promise<number> {
    let largestMs = -1;
    for (const segment of this.#all.slice(this.#indexOf(fromOffset))) {
      largestMs = Math.max(largestMs, await segment.largestTimestampMs(maxOf(fromOffset, segment.baseOffset)));
    }
    return largestMs;
  }

  /**
   * Makes what is written survive a power cut: the closed segments, and the active one if asked.
   *
   * @returns the offset below which everything is synced
   */
  async sync(withActive: boolean): Promise<bigint> {
    const { active } = this;
    for (const segment of this.sealed) if (segment.isDirty) await segment.sync();
    // What is appended meanwhile is synced, too, and only then no longer dirty: the point has to cover it.
    const syncedOffset = withActive ? active.nextOffset : active.baseOffset;
    if (withActive && active.isDirty) await active.sync();
    await this.#unsyncedNames.sync(() => this.#environment.disk.syncDirectory(this.#folder));
    return syncedOffset;
  }

  get isDirty(): boolean {
    if (this.isUntouched) return false;
    return this.#unsyncedNames.isAny || this.#all.some((segment) => segment.isDirty);
  }

  /** True when a segment has been closed that is not synced yet. */
  get hasUnsyncedSealed(): boolean {
    return this.#all.some((segment, i) => i < this.#all.length - 1 && segment.isDirty);
  }

  /** The closed segments, oldest first. */
  get sealed(): readonly Segment[] {
    return this.#all.slice(0, -1);
  }

  /**
   * Removes the segments that hold nothing at or after `offset`; `one by one` also for a power cut, which then finds what is
   * left in one piece, with the name of the last one.
   */
  async removeBefore(offset: bigint, how: Removal = 'at once'): Promise<void> {
    const settle = (): Promise<void> =>
      this.#unsyncedNames.sync(() => this.#environment.disk.syncDirectory(this.#folder));
    if (how === 'one by one') await settle();
    while (this.#all.length > 1 && this.#all[1]!.baseOffset <= offset) {
      const oldest = this.#all[0]!;
      this.#all = this.#all.slice(1);
      this.#sealedBytes -= oldest.sizeBytes;
      await oldest.remove();
      this.#unsyncedNames.note();
      if (how === 'one by one') await settle();
    }
  }

  async storeActiveIndexes(): Promise<void> {
    if (!this.active.isUnindexed) await this.active.storeIndexes();
  }

  async close(): Promise<void> {
    for (const segment of this.#all) await segment.close();
  }

  /** The segment that `offset` belongs to: the last that begins at or before it. */
  #indexOf(offset: bigint): number {
    let low = 0;
    let high = this.#all.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#all[middle]!.baseOffset <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Finds out what the table of recovery cases wants to know, which for most rows is little. */
function damageDecider({ stop, recoveryPoint, isInJournal }: RecoveryStart): DecideDamage {
  return async (offset, isFollowed) => {
    const wasSynced = recoveryPoint === undefined ? 'unknown' : offset < recoveryPoint ? 'yes' : 'no';
    const asksJournal = stop !== 'clean' && wasSynced !== 'yes' && isFollowed;
    return decideDamage({ stop, wasSynced, isFollowed, isInJournal: asksJournal && (await isInJournal(offset)) });
  };
}

function maxOf(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
