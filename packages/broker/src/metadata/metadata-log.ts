// The log of the cluster's metadata, the folder `__cluster_metadata-0`, as Apache Kafka lays it out (KIP-630, KIP-631):
//
//   00000000000000000000.log                  record batches; every one is synced before it is answered
//   00000000000000000212-0000000001.checkpoint  a snapshot: all that the records before offset 212 amount to, epoch 1
//   leader-epoch-checkpoint, partition.metadata
//
// A start reads the newest whole snapshot and the records from its offset on. When enough has come since the last
// snapshot, the next one is written beside the log (`.part`, synced, renamed) and the log goes on in a new segment; what
// stood before is removed. There are no indexes: the log is read from its start or not at all.
//
// After a crash the last batch may be torn. It was never answered, and is cut off. A whole batch behind a damaged one is
// another matter, because each is written only when the one before it is synced: that is rot. It costs the records of its own
// batch, which `lose` is told of; what they said is found in the folders of the partitions (metadata-repair.ts). So are
// snapshots and segments that are missing. A damaged file is put aside as `.damaged` when a snapshot takes its place.
import { ThroughlineError, utf8, type Clock, type Logger } from '@throughline/event';
import { offsetBehind } from '@throughline/wire';
import { metadataSnapshotBytesMin } from '../defaults.ts';
import { isOutOfDisk, replaceFile, type Disk, type DiskFile } from '../disk/disk.ts';
import { metadataBatch, metadataBatches, recordsIn, snapshotBatches } from './metadata-batches.ts';
import { isWholeSnapshot, wholeBatches, type WholeBatch } from './metadata-files.ts';
import type { MetadataRecord, WritableRecord } from './metadata-record.ts';

export interface MetadataLogOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is told of the log when it is opened, in its order. */
export interface MetadataVisitor {
  apply(record: MetadataRecord): void;
  /** Records are gone: those from one offset up to the other, or all to the end. */
  lose(fromOffset: bigint, toOffset?: bigint): void;
}

/** Kafka's id of the metadata topic. */
const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ';
const firstEpoch = 1;
const damagedSuffix = '.damaged';

export class MetadataLog {
  readonly #options: MetadataLogOptions;
  readonly #epoch: number;
  #file: DiskFile;
  #fileBytes: number;
  #endOffset: bigint;
  #bytesSinceSnapshot: number;
  #snapshotBytes: number;
  readonly #damagedFiles: ReadonlySet<string>;
  /** A batch at the end was not whole when the log was opened. */
  readonly isTailCut: boolean;
  #isOffline = false;

  private constructor(options: MetadataLogOptions, file: DiskFile, found: FoundLog) {
    this.#options = options;
    this.#file = file;
    this.#epoch = found.epoch;
    this.#fileBytes = found.fileBytes;
    this.#endOffset = found.endOffset;
    this.#bytesSinceSnapshot = found.bytesSinceSnapshot;
    this.#snapshotBytes = found.snapshotBytes;
    this.#damagedFiles = found.damagedFiles;
    this.isTailCut = found.isTailCut;
  }

  /** Begins a log with `records` in a folder that holds nothing that counts. */
  static async create(options: MetadataLogOptions, records: Iterable<WritableRecord>): Promise<MetadataLog> {
    const { disk, folder, clock } = options;
    await disk.removeFolder(folder);
    await makeFolder(options, 0n);
    const place = { baseOffset: 0n, epoch: firstEpoch, nowMs: clock.nowMs() };
    const { batches, endOffset } = metadataBatches(records, place);
    const fileBytes = batches.reduce((sum, { length }) => sum + length, 0);
    const file = await disk.open(`${folder}/${logName(0n)}`, 'write');
    try {
      await file.write(batches, 0);
      await file.syncData();
      await disk.syncDirectory(folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    return new MetadataLog(options, file, {
      epoch: firstEpoch,
      fileBytes,
      endOffset,
      bytesSinceSnapshot: fileBytes,
      snapshotBytes: 0,
      damagedFiles: new Set(),
      isTailCut: false,
    });
  }

  /**
   * Opens the log and tells `visitor` of every record that counts, in order, and of those that are gone. One that is missing
   * altogether is begun anew behind what is known.
   *
   * @throws ThroughlineError CORRUPT_RECORD
   */
  static async open(options: MetadataLogOptions, visitor: MetadataVisitor): Promise<MetadataLog> {
    const { disk, folder } = options;
    const names = await disk.list(folder);
    const bases = names.flatMap((name) => baseOfLog(name) ?? []).sort(byOffset);
    const damagedFiles = new Set<string>();
    const snapshot = await readSnapshot(options, names, bases[0], visitor);
    if (snapshot.isDamaged) damagedFiles.add(snapshot.name);
    if (bases.length === 0) {
      visitor.lose(snapshot.endOffset);
      await makeFolder(options, snapshot.endOffset);
      bases.push(snapshot.endOffset);
    }
    let { epoch } = snapshot;
    let endOffset = 0n;
    let bytesSinceSnapshot = 0;
    let fileBytes = 0;
    let isTailCut = false;
    // What the snapshot covers is not missed.
    const goOnFrom = (offset: bigint): boolean => {
      const fromOffset = endOffset > snapshot.endOffset ? endOffset : snapshot.endOffset;
      endOffset = offset;
      if (fromOffset < offset) visitor.lose(fromOffset, offset);
      return fromOffset < offset;
    };
    for (const [i, base] of bases.entries()) {
      if (base < endOffset) throw damaged(folder, `a segment ends at ${endOffset} and the next begins at ${base}`);
      goOnFrom(base);
      const name = logName(base);
      const bytes = (await disk.readFile(`${folder}/${name}`)) ?? new Uint8Array(0);
      const { batches, sizeBytes, isTorn } = wholeBatches(bytes, base);
      isTailCut = isTorn && i === bases.length - 1;
      if (isTorn && !isTailCut) damagedFiles.add(name);
      for (const { batch, header } of batches) {
        if (goOnFrom(header.baseOffset)) damagedFiles.add(name);
        endOffset = offsetBehind(header);
        if (header.partitionLeaderEpoch > epoch) epoch = header.partitionLeaderEpoch;
        if (endOffset <= snapshot.endOffset) continue;
        bytesSinceSnapshot += batch.length;
        for (const { offset, record } of recordsIn(batch)) if (offset >= snapshot.endOffset) visitor.apply(record);
      }
      fileBytes = sizeBytes;
    }
    const file = await disk.open(`${folder}/${logName(bases.at(-1)!)}`, 'write');
    try {
      // A torn tail, and what a power cut may have left of sizes and names.
      if ((await file.size()) > fileBytes) await file.truncate(fileBytes);
      await file.syncData();
      await disk.syncDirectory(folder);
      const known = { epoch, fileBytes, endOffset, bytesSinceSnapshot, snapshotBytes: snapshot.sizeBytes };
      const log = new MetadataLog(options, file, { ...known, damagedFiles, isTailCut });
      // All segments end before the snapshot: it came last, and the log goes on behind it.
      if (endOffset < snapshot.endOffset) await log.#goOnAt(snapshot.endOffset);
      return log;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get end(): { readonly leaderEpoch: number; readonly endOffset: bigint } {
    return { leaderEpoch: this.#epoch, endOffset: this.#endOffset };
  }

  /** True when so much has come since the last snapshot that the next one is worth its while. */
  get needsSnapshot(): boolean {
    return this.#bytesSinceSnapshot > Math.max(metadataSnapshotBytesMin, this.#snapshotBytes);
  }

  /**
   * Appends records as one batch: all of them are kept when this resolves, and none when it rejects with a full disk. After
   * any other failure that is not known before the next start, and nothing more is taken.
   *
   * @throws ThroughlineError PARTITION_OFFLINE; a full disk as the disk says it
   */
  async append(records: readonly WritableRecord[]): Promise<void> {
    if (this.#isOffline) throw offline();
    const place = { baseOffset: this.#endOffset, epoch: this.#epoch, nowMs: this.#options.clock.nowMs() };
    const batch = metadataBatch(records, place);
    try {
      await this.#file.write([batch], this.#fileBytes);
    } catch (error) {
      if (!isOutOfDisk(error)) throw this.#fail(error);
      await this.#takeBack();
      throw error;
    }
    try {
      await this.#file.syncData();
    } catch (error) {
      throw this.#fail(error);
    }
    this.#fileBytes += batch.length;
    this.#bytesSinceSnapshot += batch.length;
    this.#endOffset += BigInt(records.length);
  }

  /** Writes a snapshot of everything so far, and removes what it makes needless. */
  async snapshot(records: Iterable<WritableRecord>): Promise<void> {
    const { disk, folder, clock } = this.#options;
    const batches = snapshotBatches(records, this.#epoch, clock.nowMs());
    const sizeBytes = batches.reduce((sum, { length }) => sum + length, 0);
    const name = snapshotName(this.#endOffset, this.#epoch);
    const file = await disk.open(`${folder}/${name}.part`, 'write');
    try {
      await file.truncate(0);
      await file.write(batches, 0);
      await file.syncData();
    } finally {
      await file.close();
    }
    await disk.rename(`${folder}/${name}.part`, `${folder}/${name}`);
    await disk.syncDirectory(folder);
    this.#snapshotBytes = sizeBytes;
    this.#bytesSinceSnapshot = 0;
    await this.#goOnAt(this.#endOffset);
    for (const other of await disk.list(folder)) {
      // Kafka keeps indexes and snapshots of producers beside its segments.
      const base = /^(\d{20})\.\w+$/.exec(other)?.[1];
      const isOld = base === undefined ? isSnapshotName(other) && other !== name : BigInt(base) < this.#endOffset;
      if (!isOld) continue;
      const path = `${folder}/${other}`;
      if (this.#damagedFiles.has(other)) await disk.rename(path, `${path}${damagedSuffix}`);
      else await disk.remove(path);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Goes on in a new segment. */
  async #goOnAt(offset: bigint): Promise<void> {
    const { disk, folder } = this.#options;
    if (this.#fileBytes === 0 && offset === this.#endOffset) return;
    const file = await disk.open(`${folder}/${logName(offset)}`, 'write');
    try {
      await file.truncate(0);
      await disk.syncDirectory(folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    await this.#file.close();
    this.#file = file;
    this.#fileBytes = 0;
    this.#endOffset = offset;
  }

  /** After a write that failed for want of space: nothing of it may stand in the file when the next one comes. */
  async #takeBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#fileBytes);
      await this.#file.syncData();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(cause: unknown): ThroughlineError {
    this.#isOffline = true;
    this.#options.logger.error({ error: cause }, 'the metadata log could not be written');
    return offline(cause);
  }
}

interface FoundLog {
  readonly epoch: number;
  readonly fileBytes: number;
  readonly endOffset: bigint;
  readonly bytesSinceSnapshot: number;
  readonly snapshotBytes: number;
  readonly damagedFiles: ReadonlySet<string>;
  readonly isTailCut: boolean;
}

interface FoundSnapshot {
  readonly name: string;
  readonly endOffset: bigint;
  readonly epoch: number;
  readonly sizeBytes: number;
  readonly isDamaged: boolean;
}

/**
 * Applies the newest snapshot that is whole, if there is one. When the log, which begins at `logBase`, does not reach back to
 * it, a newer one that is damaged says more.
 */
async function readSnapshot(
  { disk, folder, logger }: MetadataLogOptions,
  names: readonly string[],
  logBase: bigint | undefined,
  visitor: MetadataVisitor,
): Promise<FoundSnapshot> {
  const found: { readonly snapshot: FoundSnapshot; readonly batches: readonly WholeBatch[] }[] = [];
  // The names begin with the offset in 20 digits.
  for (const name of names.filter(isSnapshotName).sort().reverse()) {
    const bytes = (await disk.readFile(`${folder}/${name}`)) ?? new Uint8Array(0);
    const content = wholeBatches(bytes, 0n);
    const isDamaged = !isWholeSnapshot(content);
    const [endOffset = '0', epoch = '0'] = name.split(/[-.]/);
    const place = { endOffset: BigInt(endOffset), epoch: Number(epoch), sizeBytes: bytes.length };
    found.push({ snapshot: { name, ...place, isDamaged }, batches: content.batches });
    if (!isDamaged) break;
    logger.error({ folder, name }, 'a snapshot of the metadata is damaged');
  }
  const whole = found.find(({ snapshot }) => !snapshot.isDamaged);
  const reachesLog = logBase !== undefined && (whole?.snapshot.endOffset ?? 0n) >= logBase;
  const used = reachesLog ? whole : found[0];
  if (used === undefined) return noSnapshot;
  for (const { batch } of used.batches) for (const { record } of recordsIn(batch)) visitor.apply(record);
  if (used.snapshot.isDamaged) visitor.lose(0n, used.snapshot.endOffset);
  return used.snapshot;
}

const noSnapshot: FoundSnapshot = { name: '', endOffset: 0n, epoch: firstEpoch, sizeBytes: 0, isDamaged: false };

/** The folder with all but the log itself, which begins at `startOffset`. */
async function makeFolder({ disk, folder }: MetadataLogOptions, startOffset: bigint): Promise<void> {
  await disk.makeFolder(folder);
  await replaceFile(disk, folder, 'partition.metadata', utf8(`version: 0\ntopic_id: ${metadataTopicId}\n`));
  await replaceFile(disk, folder, 'leader-epoch-checkpoint', utf8(`0\n1\n${firstEpoch} ${startOffset}\n`));
}

function logName(baseOffset: bigint): string {
  return `${String(baseOffset).padStart(20, '0')}.log`;
}

function baseOfLog(name: string): bigint | undefined {
  return /^\d{20}\.log$/.test(name) ? BigInt(name.slice(0, 20)) : undefined;
}

function snapshotName(endOffset: bigint, epoch: number): string {
  return `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`;
}

function isSnapshotName(name: string): boolean {
  return /^\d{20}-\d{10}\.checkpoint$/.test(name);
}

function byOffset(a: bigint, b: bigint): number {
  return a < b ? -1 : 1;
}

function offline(cause?: unknown): ThroughlineError {
  return new ThroughlineError('PARTITION_OFFLINE', 'the metadata log could not be written', { cause });
}

function damaged(folder: string, why: string): ThroughlineError {
  return new ThroughlineError('CORRUPT_RECORD', `${folder}: ${why}`, { details: { folder } });
}
