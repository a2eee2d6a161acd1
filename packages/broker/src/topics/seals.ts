// Which partitions are sealed: `throughline-seals` in the data folder, a checkpoint file (checkpoint-file.ts) of its own with a
// line "topicId partition epoch" for each. A seal is the promise that nothing is appended here once the work has gone on
// elsewhere, so the file is synced before anybody is told of it, and a damaged one is no start: to take it for none would
// open them all.
import { ThroughlineError } from '@throughline/event';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { decodeCheckpoint, encodeCheckpoint, isNumber } from '../disk/checkpoint-file.ts';
import { replaceFile } from '../disk/disk.ts';

const sealsFile = 'throughline-seals';

export class Seals {
  readonly #setup: BrokerSetup;
  /** The leader epoch of the seal by `topicId partition`. */
  #epochs: ReadonlyMap<string, number>;
  #storing: Promise<void> = Promise.resolve();

  private constructor(setup: BrokerSetup, epochs: ReadonlyMap<string, number>) {
    this.#setup = setup;
    this.#epochs = epochs;
  }

  /** @throws ThroughlineError CORRUPT_RECORD when the file cannot be read */
  static async open(setup: BrokerSetup): Promise<Seals> {
    const path = `${setup.dataDir}/${sealsFile}`;
    const bytes = await setup.disk.readFile(path);
    if (bytes === undefined) return new Seals(setup, new Map());
    const epochs = new Map<string, number>();
    for (const [topicId, partition, epoch, ...more] of decodeCheckpoint(bytes) ?? [[]]) {
      if (topicId === undefined || !isNumber(partition) || !isNumber(epoch) || more.length > 0) {
        const message = `${path} is damaged: remove it if no partition of this folder is sealed`;
        throw new ThroughlineError('CORRUPT_RECORD', message);
      }
      epochs.set(`${topicId} ${partition}`, Number(epoch));
    }
    return new Seals(setup, epochs);
  }

  has(topicId: string, partition: number): boolean {
    return this.#epochs.has(`${topicId} ${partition}`);
  }

  /** Notes durably that a partition is sealed in `epoch`, or with null that it is open again. */
  note(topicId: string, partition: number, epoch: number | null): Promise<void> {
    const store = async (): Promise<void> => {
      const key = `${topicId} ${partition}`;
      if (epoch === null && !this.#epochs.has(key)) return;
      const epochs = new Map(this.#epochs);
      if (epoch === null) epochs.delete(key);
      else epochs.set(key, epoch);
      const { disk, dataDir } = this.#setup;
      await replaceFile(disk, dataDir, sealsFile, encodeCheckpoint(Array.from(epochs, (entry) => entry.join(' '))));
      this.#epochs = epochs;
    };
    const stored = this.#storing.then(store, store);
    this.#storing = stored.catch(() => {
      // Whoever waits for it is told; the next one begins anew.
    });
    return stored;
  }
}
