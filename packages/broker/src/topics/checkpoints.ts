// The checkpoint: what lies in the segments is synced, the recovery points move up, and the journal before them is free.
// It runs by the clock, when the journal is full, and when somebody asks; one at a time.
import { ThroughlineError } from '@throughline/event';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import type { CommitJournal } from '../storage/commit-journal.ts';
import { checkpointSyncsAtOnceMax } from '../defaults.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { offsetFiles, storeOffsets } from './data-folder.ts';
import type { Partition } from '../storage/partition-log.ts';
import { OrderedTurns } from '../storage/wait-order.ts';

type NeedsSync = (partition: Partition) => boolean;

export class Checkpoints {
  readonly #setup: BrokerSetup;
  readonly #journal: CommitJournal;
  readonly #partitions: () => readonly Partition[];
  readonly #turns = new OrderedTurns('checkpoint');
  /** The partitions whose upkeep it waits for. */
  readonly #syncing = new Set<string>();
  #partitionCount = 0;
  #isWaiting = false;
  #isClosed = false;
  /** Recovery points as they stand in their file. */
  #stored: string | undefined;

  constructor(setup: BrokerSetup, journal: CommitJournal, partitions: () => readonly Partition[]) {
    this.#setup = setup;
    this.#journal = journal;
    this.#partitions = partitions;
  }

  /** Runs one if it would move something. */
  async runIfDue(): Promise<void> {
    const isDue = this.#journal.isDirty || this.#partitions().some((partition) => partition.needsSync);
    if (isDue) await this.#run();
  }

  /** @throws ThroughlineError CLOSED when it has not been done */
  async run(needsSync?: NeedsSync): Promise<void> {
    if (!(await this.#run(needsSync))) throw new ThroughlineError('CLOSED', 'the broker is closed');
  }

  /** Runs one, unless one is waiting to begin. */
  soon(needsSync?: NeedsSync): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#run(needsSync).catch((error: unknown) => this.#setup.logger.error({ error }, 'a checkpoint failed'));
  }

  /** Ends those that were asked for, done or not: the partitions are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
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

  /** @returns false when it was cut short by the close */
  #run(needsSync: NeedsSync = (partition) => partition.needsSync): Promise<boolean> {
    return this.#turns.run('a checkpoint', async () => {
      this.#isWaiting = false;
      // What is in the journal by now is in the segments too: it was written there first.
      const releaseJournal = this.#journal.beginCheckpoint();
      const due = this.#partitions().filter((partition) => needsSync(partition));
      await inParallel(due, checkpointSyncsAtOnceMax, async (partition) => {
        if (this.#isClosed) return;
        this.#syncing.add(partition.name);
        await partition.sync(partition.config.durability === 'fsync');
        this.#syncing.delete(partition.name);
        this.#partitionCount++;
      });
      // The journal keeps what it has for the next start.
      if (this.#isClosed) return false;
      try {
        await this.storeRecoveryPoints();
      } catch (error) {
        // Only means that the next start has more to check.
        this.#setup.logger.warn({ error }, 'the recovery points could not be stored');
      }
      releaseJournal();
      return true;
    });
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
