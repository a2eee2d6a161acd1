// The small files of a partition's folder, `partition.metadata` and `leader-epoch-checkpoint`. A new folder is not synced
// (partition-folder.ts); the first sync of its partition makes both certain, and later ones store the epochs that have begun.
import type { Logger } from '@throughline/event';
import type { Disk } from '../disk/disk.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { storeLeaderEpochs, syncPartitionFolder } from './partition-folder.ts';

export interface FolderFilesOptions {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly folder: string;
  readonly epochs: LeaderEpochs;
  /** A sync has made it certain whose folder it is. */
  readonly isSynced: boolean;
}

export class FolderFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #epochs: LeaderEpochs;
  readonly #logger: Logger;
  #isSynced: boolean;

  constructor({ disk, logger, folder, epochs, isSynced }: FolderFilesOptions) {
    this.#disk = disk;
    this.#folder = folder;
    this.#epochs = epochs;
    this.#logger = logger;
    this.#isSynced = isSynced;
  }

  async sync(): Promise<void> {
    if (!this.#isSynced) await syncPartitionFolder(this.#disk, this.#folder);
    this.#isSynced = true;
    if (this.#epochs.isStored) return;
    // Before the write: what begins meanwhile is not in it.
    this.#epochs.isStored = true;
    try {
      await storeLeaderEpochs(this.#disk, this.#folder, this.#epochs);
    } catch (error) {
      this.#epochs.isStored = false;
      // The batches have them, too.
      this.#logger.warn({ folder: this.#folder, error }, 'the leader epochs could not be stored');
    }
  }
}
