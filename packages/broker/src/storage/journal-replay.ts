// Bringing back after an unclean stop what the commit journal holds and the segments have lost.
//
// A batch was always written to its segment before it went into the journal, so most of what is read here is in the
// segments already. What is missing stands at the end: the segment was torn there, or its last bytes never reached the
// disk. When an entry begins below one that has been brought back, the later one counts: the earlier append had been
// rejected, and its offsets were given to others.
import type { Logger } from '@throughline/event';
import { lastOffsetOf, offsetBehind, readBatchHeader, type RecordBatchHeader } from '@throughline/wire';
import type { JournalEntry } from '../disk/journal-format.ts';
import { noteCase } from './recovery-cases.ts';
import type { SegmentVisitor } from './recovery.ts';
import type { Segments } from './segments.ts';

/** Bytes brought back with one write. */
const writeBytes = 1024 * 1024;

export interface ReplayTarget {
  /** The name, for the log. */
  readonly name: string;
  readonly segments: Segments;
  readonly segmentBytes: number;
  /** Is told of what is brought back. */
  readonly producers: SegmentVisitor & { logIsCut(offset: bigint): Promise<void> };
}

/**
 * Appends what is missing; entries of partitions that `targetOf` does not know are of deleted topics.
 *
 * @returns where the records of each partition end that the journal holds
 */
export async function replayJournal(
  entries: AsyncIterable<JournalEntry>,
  targetOf: (topicId: string, partition: number) => ReplayTarget | undefined,
  logger: Logger,
): Promise<ReadonlyMap<ReplayTarget, bigint>> {
  const replays = new Map<ReplayTarget, PartitionReplay>();
  for await (const { topicId, partition, batch } of entries) {
    const target = targetOf(Buffer.from(topicId).toString('hex'), partition);
    if (target === undefined) continue;
    let replay = replays.get(target);
    if (replay === undefined) replays.set(target, (replay = new PartitionReplay(target, logger)));
    await replay.add(batch);
  }
  for (const replay of replays.values()) await replay.finish();
  return new Map(Array.from(replays, ([target, { journalEnd }]) => [target, journalEnd]));
}

class PartitionReplay {
  /** Behind the newest entry. */
  journalEnd = 0n;
  readonly #target: ReplayTarget;
  readonly #logger: Logger;
  /** Where the log ended before. */
  readonly #foundEnd: bigint;
  #batches: Uint8Array[] = [];
  #headers: RecordBatchHeader[] = [];
  #pendingBytes = 0;
  #nextOffset: bigint;

  constructor(target: ReplayTarget, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
    this.#foundEnd = this.#nextOffset = target.segments.endOffset;
  }

  async add(batch: Uint8Array): Promise<void> {
    const { segments, segmentBytes, name, producers } = this.#target;
    const header = readBatchHeader(batch, 0);
    const { baseOffset } = header;
    this.journalEnd = offsetBehind(header);
    if (baseOffset < this.#foundEnd) return;
    if (baseOffset < this.#nextOffset) {
      await this.#write();
      await segments.truncateTo(baseOffset);
      // What takes its place must not be found with a rest of it behind, should the power fail before the next sync.
      await segments.sync(true);
      await producers.logIsCut(baseOffset);
      this.#nextOffset = segments.endOffset;
    }
    if (baseOffset > this.#nextOffset) {
      // Cannot be unless the disk has lost what it had synced. What was acknowledged is kept all the same.
      const from = this.#nextOffset.toString();
      noteCase(this.#logger, 'journal-gap', { partition: name, from, to: baseOffset.toString() });
      await this.#write();
      await segments.roll(baseOffset);
      await producers.segmentBegins(baseOffset);
    }
    const { active } = segments;
    if (!active.hasRoomFor(this.#pendingBytes, batch.length, lastOffsetOf(header), segmentBytes)) {
      await this.#write();
      if (active.sizeBytes > 0) {
        await segments.roll();
        await producers.segmentBegins(segments.endOffset);
      }
    }
    this.#batches.push(batch);
    this.#headers.push(header);
    this.#pendingBytes += batch.length;
    this.#nextOffset = offsetBehind(header);
    if (this.#pendingBytes >= writeBytes) await this.#write();
  }

  async finish(): Promise<void> {
    await this.#write();
    const recordCount = this.#nextOffset - this.#foundEnd;
    if (recordCount <= 0n) return;
    const fields = { partition: this.#target.name, recordCount: recordCount.toString() };
    noteCase(this.#logger, 'records-in-journal', fields);
  }

  async #write(): Promise<void> {
    if (this.#batches.length === 0) return;
    const { segments, producers } = this.#target;
    await segments.append(this.#batches, this.#headers);
    for (const header of this.#headers) producers.visit(header);
    this.#batches = [];
    this.#headers = [];
    this.#pendingBytes = 0;
  }
}
