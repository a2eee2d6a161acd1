// Bugs planted between the processes of the workload and the whole log, which outlive a restart of the broker: what no wrong
// answer of one partition can bring about. A client leaves out what is below the offset it asks for, so only one that has lost
// its place reads something again; and an acknowledged record is passed by another's only where a gap is left and filled later.
import type { Random } from '@throughline/event';
import type { SeenRecord } from '../checker/history.ts';
import type { ConsumerPort, ProducerPort } from '../workload/ports.ts';
import type { PlantedBug } from './planted-bug.ts';
import type { StorageSimulation } from './simulate-storage.ts';

export const plantedLogBugs: readonly (PlantedBug & StorageSimulation)[] = [
  {
    name: 'a consumer that goes back to an offset it has been behind',
    finds: ['nonmonotonic-poll'],
    faults: ['kill'],
    logOf: (log, random) => ({ ...log, consumer: async () => losesItsPlace(await log.consumer(), random) }),
  },
  {
    name: 'a gap before what is acknowledged that a later send fills',
    finds: ['nonmonotonic-send', 'realtime-nonmonotonic-send'],
    faults: ['clock jump'],
    logOf: (log, random) => {
      const gaps = new Gaps(random);
      return {
        producer: async () => gaps.producer(await log.producer()),
        consumer: async () => gaps.consumer(await log.consumer()),
      };
    },
  },
];

function losesItsPlace(consumer: ConsumerPort, random: Random): ConsumerPort {
  return {
    ...consumer,
    poll(positions) {
      const isLost = random.float() < 0.05;
      const from = Array.from(positions, ([partition, offset]) => [partition, Math.max(0, offset - 2)] as const);
      return consumer.poll(isLost ? new Map(from) : positions);
    },
  };
}

/** The value of a record that keeps a place free; nobody is shown it. */
const nothing = -1;

/** A log that keeps places free now and then, and shows in them what was sent later. */
class Gaps {
  readonly #random: Random;
  /** By partition and offset: the value that is shown there, or nothing. */
  readonly #shown = new Map<number, Map<number, number>>();
  /** By partition: an offset that waits for its record. */
  readonly #free = new Map<number, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  producer(producer: ProducerPort): ProducerPort {
    return {
      ...producer,
      send: async (partition, batches) => {
        const free = this.#free.get(partition);
        const results = await producer.send(partition, batches);
        const [first] = results;
        if (free !== undefined && first?.outcome === 'ok' && batches.length === 1 && batches[0]!.length === 1) {
          // Another send may have been faster.
          if (this.#free.get(partition) !== free) return results;
          this.#free.delete(partition);
          this.#show(partition, free, batches[0]![0]!);
          this.#show(partition, first.baseOffset, nothing);
          return [{ outcome: 'ok', baseOffset: free }];
        }
        if (free === undefined && this.#random.float() < 0.5) await this.#leaveGap(producer, partition);
        return results;
      },
    };
  }

  consumer(consumer: ConsumerPort): ConsumerPort {
    const poll = async (positions: ReadonlyMap<number, number>): Promise<readonly SeenRecord[]> => {
      const from = new Map(positions);
      for (;;) {
        const records = await consumer.poll(from);
        const visible = records.flatMap((record) => this.#visible(record));
        if (visible.length > 0 || records.length === 0) return visible;
        for (const { partition, offset } of records) from.set(partition, offset + 1);
      }
    };
    return {
      ...consumer,
      poll,
      // A reader comes to the last record that is visible, and no further.
      ends: async (partitions) => {
        const ends = new Map<number, number>();
        for (let [partition, end] of await consumer.ends(partitions)) {
          while (end > 0 && (await poll(new Map([[partition, end - 1]]))).length === 0) end--;
          ends.set(partition, end);
        }
        return ends;
      },
    };
  }

  async #leaveGap(producer: ProducerPort, partition: number): Promise<void> {
    const [result] = await producer.send(partition, [[nothing]]);
    if (result?.outcome !== 'ok') return;
    this.#show(partition, result.baseOffset, nothing);
    this.#free.set(partition, result.baseOffset);
  }

  #show(partition: number, offset: number, value: number): void {
    const shown = this.#shown.get(partition) ?? new Map<number, number>();
    this.#shown.set(partition, shown.set(offset, value));
  }

  #visible(record: SeenRecord): readonly SeenRecord[] {
    const value = this.#shown.get(record.partition)?.get(record.offset) ?? record.value;
    return value === nothing ? [] : [{ ...record, value }];
  }
}
