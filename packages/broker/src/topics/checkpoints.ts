// The checkpoint: what lies in the segments is synced, the recovery points move up, and the journal before them is free.
// It runs by the clock, when the journal is full, and when somebody asks; one at a time.
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import type { CommitJournal } from '../storage/commit-journal.ts';
import { checkpointSyncsAtOnceMax } from '../defaults.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { offsetFiles, storeOffsets } from './data-folder.ts';
import type { Partition } from '../storage/partition-log.ts';
import { OrderedTurns } from '../storage/wait-order.ts';

export class Checkpoints {
  readonly #setup: BrokerSetup;
  readonly #journal: CommitJournal;
  readonly #partitions: () => readonly Partition[];
  readonly #turns = new OrderedTurns('checkpoint');
  /** The partitions whose upkeep it waits for. */
  readonly #syncing = new Set<string>();
  #partitionCount = 0;
  #isWaiting = false;
  /** Recovery points as they stand in their file. */
  #stored: string | undefined;

  constructor(setup: BrokerSetup, journal: CommitJournal, partitions: () => readonly Partition[]) {
    this.#setup = setup;
    this.#journal = journal;
    this.#partitions = partitions;
  }

  /** True when a checkpoint would move something. */
  get isDue(): boolean {
    return this.#journal.isDirty || this.#partitions().some((partition) => partition.needsSync);
  }

  run(needsSync: (partition: Partition) => boolean = (partition) => partition.needsSync): Promise<void> {
    return this.#turns.run('a checkpoint', async () => {
      this.#isWaiting = false;
      // What is in the journal by now is in the segments too: it was written there first.
      const releaseJournal = this.#journal.beginCheckpoint();
      const due = this.#partitions().filter((partition) => needsSync(partition));
      await inParallel(due, checkpointSyncsAtOnceMax, async (partition) => {
        this.#syncing.add(partition.name);
        await partition.sync(partition.config.durability === 'fsync');
        this.#syncing.delete(partition.name);
        this.#partitionCount++;
      });
      try {
        await this.storeRecoveryPoints();
      } catch (error) {
        // Only means that the next start has more to check.
        this.#setup.logger.warn({ error }, 'the recovery points could not be stored');
      }
      releaseJournal();
    });
  }

  /** Runs one, unless one is waiting to begin. */
  soon(needsSync?: (partition: Partition) => boolean): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.run(needsSync).catch((error: unknown) => this.#setup.logger.error({ error }, 'a checkpoint failed'));
  }

  /** Resolves when those that were asked for have ended. */
  async settled(): Promise<void> {
    await this.#turns.settled();
  }

  /** What one that is under way waits for, in words. */
  get waitsFor(): string | undefined {
    if (this.#turns.waitsFor === undefined) return undefined;
    const names = Array.from(this.#syncing).join(' and ');
    return names === '' ? 'the file of recovery points' : `the sync of ${names}`;
  }

  /** How often one has come a step further. */
  get stepCount(): number {
    return this.#turns.stepCount + this.#partitionCount;
  }

  async storeRecoveryPoints(): Promise<void> {
    const points = this.#partitions().map(({ topic, partition, recoveryPoint: offset }) => ({
      topic,
      partition,
      offset,
    }));
    const text = points.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`).join();
    if (text === this.#stored) return;
    await storeOffsets(this.#setup, offsetFiles.recoveryPoints, points);
    this.#stored = text;
  }
}
