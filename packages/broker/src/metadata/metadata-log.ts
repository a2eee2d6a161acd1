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
// another matter, because each is written only when the one before it is synced: that is rot, and the folder is not opened,
// for the log without its middle would bring deleted topics back and lose others.
import { ThroughlineError, utf8, type Clock, type Logger } from '@throughline/event';
import { metadataSnapshotBytesMin } from '../defaults.ts';
import { isOutOfDisk, replaceFile, type Disk, type DiskFile } from '../storage/disk.ts';
import { metadataBatch, metadataBatches, recordsIn, snapshotBatches } from './metadata-batches.ts';
import { isWholeSnapshot, wholeBatches } from './metadata-files.ts';
import type { MetadataRecord, WritableRecord } from './records/metadata-record.ts';

export interface MetadataLogOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Kafka's id of the metadata topic. */
const metadataTopicId = 'AAAAAAAAAAAAAAAAAAAAAQ';
const firstEpoch = 1;

export class MetadataLog {
  readonly #options: MetadataLogOptions;
  readonly #epoch: number;
  #file: DiskFile;
  #fileBytes: number;
  #endOffset: bigint;
  #bytesSinceSnapshot: number;
  #snapshotBytes: number;
  #isOffline = false;

  private constructor(options: MetadataLogOptions, file: DiskFile, found: FoundLog) {
    this.#options = options;
    this.#file = file;
    this.#epoch = found.epoch;
    this.#fileBytes = found.fileBytes;
    this.#endOffset = found.endOffset;
    this.#bytesSinceSnapshot = found.bytesSinceSnapshot;
    this.#snapshotBytes = found.snapshotBytes;
  }

  /** Begins a log with `records` in a folder that holds nothing that counts. */
  static async create(options: MetadataLogOptions, records: Iterable<WritableRecord>): Promise<MetadataLog> {
    const { disk, folder, clock } = options;
    await disk.removeFolder(folder);
    await disk.makeFolder(folder);
    await replaceFile(disk, folder, 'partition.metadata', utf8(`version: 0\ntopic_id: ${metadataTopicId}\n`));
    await replaceFile(disk, folder, 'leader-epoch-checkpoint', utf8(`0\n1\n${firstEpoch} 0\n`));
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
    const found = { epoch: firstEpoch, fileBytes, endOffset, bytesSinceSnapshot: fileBytes, snapshotBytes: 0 };
    return new MetadataLog(options, file, found);
  }

  /**
   * Opens the log and hands every record that counts to `apply`, in order.
   *
   * @throws ThroughlineError CORRUPT_RECORD, DATA_FORMAT_UNSUPPORTED when there is no log
   */
  static async open(options: MetadataLogOptions, apply: (record: MetadataRecord) => void): Promise<MetadataLog> {
    const { disk, folder } = options;
    const names = await disk.list(folder);
    const snapshot = await readSnapshot(options, names, apply);
    const bases = names.flatMap((name) => baseOfLog(name) ?? []).sort(byOffset);
    const [first] = bases;
    if (first === undefined) throw unsupported(folder, 'there is no log in it');
    if (first > snapshot.endOffset) throw damaged(folder, `the log begins at ${first}, and no snapshot reaches there`);
    let { epoch } = snapshot;
    let endOffset = first;
    let bytesSinceSnapshot = 0;
    let fileBytes = 0;
    for (const [i, base] of bases.entries()) {
      if (base !== endOffset && base !== snapshot.endOffset)
        throw damaged(folder, `a segment ends at ${endOffset} and the next begins at ${base}`);
      const name = logName(base);
      const bytes = (await disk.readFile(`${folder}/${name}`)) ?? new Uint8Array(0);
      const { batches, sizeBytes, endOffset: end, isTorn } = wholeBatches(bytes, base, `${folder}/${name}`);
      if (isTorn && i < bases.length - 1) throw damaged(folder, `${name} is damaged at position ${sizeBytes}`);
      for (const { batch, header } of batches) {
        if (header.partitionLeaderEpoch > epoch) epoch = header.partitionLeaderEpoch;
        if (header.baseOffset + BigInt(header.lastOffsetDelta) < snapshot.endOffset) continue;
        bytesSinceSnapshot += batch.length;
        for (const { offset, record } of recordsIn(batch)) if (offset >= snapshot.endOffset) apply(record);
      }
      endOffset = end;
      fileBytes = sizeBytes;
    }
    const file = await disk.open(`${folder}/${logName(bases.at(-1)!)}`, 'write');
    try {
      // A torn tail, and what a power cut may have left of sizes and names.
      if ((await file.size()) > fileBytes) await file.truncate(fileBytes);
      await file.syncData();
      await disk.syncDirectory(folder);
      const found = { epoch, fileBytes, endOffset, bytesSinceSnapshot, snapshotBytes: snapshot.sizeBytes };
      const log = new MetadataLog(options, file, found);
      // All segments end before the snapshot: it came last, and the log goes on behind it.
      if (endOffset < snapshot.endOffset) await log.#goOnAt(snapshot.endOffset);
      return log;
    } catch (error) {
      await file.close();
      throw error;
    }
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
      if (isOld) await disk.remove(`${folder}/${other}`);
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
}

interface FoundSnapshot {
  readonly endOffset: bigint;
  readonly epoch: number;
  readonly sizeBytes: number;
}

/** Applies the newest snapshot that is whole, if there is one. */
async function readSnapshot(
  { disk, folder, logger }: MetadataLogOptions,
  names: readonly string[],
  apply: (record: MetadataRecord) => void,
): Promise<FoundSnapshot> {
  // The names begin with the offset in 20 digits.
  for (const name of names.filter(isSnapshotName).sort().reverse()) {
    const bytes = await disk.readFile(`${folder}/${name}`);
    const { batches, isTorn } = wholeBatches(bytes ?? new Uint8Array(0), 0n, `${folder}/${name}`);
    if (isTorn || !isWholeSnapshot(batches)) {
      logger.error({ name }, 'a snapshot of the metadata is not whole and is passed over');
      continue;
    }
    for (const { batch } of batches) for (const { record } of recordsIn(batch)) apply(record);
    const [endOffset = '0', epoch = '0'] = name.split(/[-.]/);
    return { endOffset: BigInt(endOffset), epoch: Number(epoch), sizeBytes: bytes?.length ?? 0 };
  }
  return { endOffset: 0n, epoch: firstEpoch, sizeBytes: 0 };
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

function unsupported(folder: string, why: string): ThroughlineError {
  return new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${folder}: ${why}`, { details: { folder } });
}
