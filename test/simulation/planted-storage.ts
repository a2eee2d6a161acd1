// Bugs planted around the storage core, each in a wrapper of its own: a disk that lies, or a partition that does one thing wrong. They
// prove that the simulation comes to where such a bug shows, and that the checker gives it its right name.
import { ThroughlineError, type Random } from '@throughline/event';
import type { AppendedBatch, Broker, Disk, PartitionLog, ReadBatches } from '@throughline/broker';
import { batchHeaderBytes, readBatchHeader, setBaseOffset, setPartitionLeaderEpoch } from '@throughline/wire';
import type { PlantedBug } from './planted-bug.ts';
import { topicName } from './server.ts';
import type { StorageSimulation } from './simulate-storage.ts';
import type { Life } from './world.ts';

/** Wraps every partition of a broker that is handed out; `random` is new for each life of it. */
export type PartitionOf = (log: PartitionLog, random: Random) => PartitionLog;

const wrapped = (partitionOf: PartitionOf) => (broker: Broker, random: Random) =>
  withPartitions(broker, random, partitionOf);

export const plantedStorageBugs: readonly (PlantedBug & StorageSimulation)[] = [
  {
    name: 'an acknowledgement before the sync',
    finds: ['lost-write', 'unseen'],
    faults: ['power cut'],
    diskOf: ({ disk }) => withoutSync(disk),
  },
  {
    name: 'an acknowledgement before the write',
    finds: ['lost-write', 'unseen'],
    faults: ['kill in the middle of a write', 'failing write'],
    brokerOf: wrapped((log) => withMethods(log, { append: (batch) => ackedAtOnce(log, batch) })),
  },
  {
    name: 'offsets that are given again after a truncation',
    finds: ['inconsistent-offsets'],
    faults: ['kill'],
    beforeStart: cutTails,
  },
  {
    name: 'a read that leaves out a batch in the middle',
    finds: ['int-poll-skip'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        read: (offset, bytesMax) =>
          readOtherwise(log, offset, bytesMax, (batches) => (random.float() < 0.1 ? batches.toSpliced(1, 1) : batches)),
      }),
    ),
  },
  {
    name: 'a read that begins one batch too late',
    finds: ['poll-skip'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        read: (offset, bytesMax) =>
          readOtherwise(log, offset, bytesMax, (batches) =>
            random.float() < 0.05 && batches.length > 1 ? batches.slice(1) : batches,
          ),
      }),
    ),
  },
  {
    name: 'a read whose batches are in the wrong order',
    finds: ['int-nonmonotonic-poll'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        read: (offset, bytesMax) =>
          readOtherwise(log, offset, bytesMax, (batches) => (random.float() < 0.1 ? batches.toReversed() : batches)),
      }),
    ),
  },
  {
    name: 'a read beyond the high watermark, of what is lost then',
    finds: ['vanished-read', 'inconsistent-offsets'],
    faults: ['kill in the middle of a write', 'power cut'],
    brokerOf: wrapped((log) => readsUnacknowledged(log)),
  },
  {
    name: 'two appends in flight that change places',
    finds: ['int-nonmonotonic-send'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        async append(batch) {
          if (random.float() < 0.1) await new Promise<void>((resolve) => setImmediate(resolve));
          return log.append(batch);
        },
      }),
    ),
  },
  {
    name: 'a rejection of what is there all the same',
    finds: ['aborted-read'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        async append(batch) {
          const appended = await log.append(batch);
          if (random.float() < 0.05) throw new ThroughlineError('OUT_OF_DISK', 'planted');
          return appended;
        },
      }),
    ),
  },
  {
    name: 'an acknowledgement with the wrong offset',
    finds: ['inconsistent-offsets', 'duplicate'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        async append(batch) {
          const appended = await log.append(batch);
          return random.float() < 0.05 ? { ...appended, baseOffset: appended.baseOffset + 1n } : appended;
        },
      }),
    ),
  },
  {
    name: 'a leader epoch that does not move on after a crash',
    finds: ['epoch-not-bumped'],
    faults: ['kill'],
    brokerOf: wrapped((log) =>
      withMethods(log, {
        read: (offset, bytesMax) =>
          readOtherwise(log, offset, bytesMax, (batches) => {
            for (const batch of batches) setPartitionLeaderEpoch(batch, 0, 0);
            return batches;
          }),
      }),
    ),
  },
  {
    name: 'an append that is made twice',
    finds: ['duplicate'],
    faults: ['kill'],
    brokerOf: wrapped((log, random) =>
      withMethods(log, {
        async append(batch) {
          if (random.float() < 0.05) await log.append(batch.slice());
          return log.append(batch);
        },
      }),
    ),
  },
  {
    name: 'an append that lands in the first partition, whatever it was sent to',
    finds: ['unsent-read'],
    faults: ['kill'],
    brokerOf: (broker, random) =>
      withMethods(broker, {
        partition: (topic, partition) =>
          withMethods(broker.partition(topic, partition), {
            append: (batch) => broker.partition(topic, random.float() < 0.05 ? 0 : partition).append(batch),
          }),
      }),
  },
];

/** A broker whose partitions are wrapped. */
export function withPartitions(broker: Broker, random: Random, partitionOf: PartitionOf): Broker {
  const wrapped = new Map<PartitionLog, PartitionLog>();
  const wrap = (log: PartitionLog): PartitionLog => {
    let found = wrapped.get(log);
    if (found === undefined) wrapped.set(log, (found = partitionOf(log, random)));
    return found;
  };
  return withMethods(broker, { partition: (topic, partition) => wrap(broker.partition(topic, partition)) });
}

/** The same object with some of its methods replaced. The others run on the object itself: it may have private fields. */
export function withMethods<Inner extends object>(inner: Inner, methods: Partial<Inner>): Inner {
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name) as unknown;
      const found = Reflect.get(target, name, target) as unknown;
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
}

/** A disk that keeps nothing of the records; what else a broker needs in order to start again is kept. */
function withoutSync(disk: Disk): Disk {
  return withMethods(disk, {
    async open(path, mode) {
      const file = await disk.open(path, mode);
      const holdsRecords = path.startsWith(`/data/${topicName}-`) || path.endsWith('.journal');
      return holdsRecords ? { ...file, syncData: async () => {} } : file;
    },
  });
}

/** What a start that cuts too much does: the last batch of every partition is gone, and with it the journal that could bring it back. */
async function cutTails({ disk }: Life): Promise<void> {
  for (const folder of await disk.list('/data')) {
    if (folder.endsWith('.journal')) await disk.remove(`/data/${folder}`);
    if (!folder.startsWith(`${topicName}-`)) continue;
    const logs = (await disk.list(`/data/${folder}`)).filter((name) => name.endsWith('.log')).sort();
    const last = logs.at(-1);
    if (last === undefined) continue;
    const path = `/data/${folder}/${last}`;
    const bytes = (await disk.readFile(path)) ?? new Uint8Array();
    let lastAt = 0;
    for (
      let position = 0;
      position + batchHeaderBytes <= bytes.length;
      position += readBatchHeader(bytes, position).sizeBytes
    )
      lastAt = position;
    const file = await disk.open(path, 'write');
    await file.truncate(lastAt);
    await file.close();
  }
}

async function ackedAtOnce(log: PartitionLog, batch: Uint8Array): Promise<AppendedBatch> {
  const { recordCount } = readBatchHeader(batch, 0);
  const baseOffset = log.logEndOffset;
  // Whether it comes to anything is no longer of interest, which is the bug.
  log.append(batch).catch(() => {});
  const lastOffset = baseOffset + BigInt(recordCount) - 1n;
  return { baseOffset, lastOffset, logAppendTimeMs: -1, logStartOffset: log.logStartOffset, isDuplicate: false };
}

/** Reads, and hands the batches on as `change` has made them. */
async function readOtherwise(
  log: PartitionLog,
  offset: bigint,
  bytesMax: number,
  change: (batches: Uint8Array[]) => Uint8Array[],
): Promise<ReadBatches> {
  const read = await log.read(offset, bytesMax);
  const batches: Uint8Array[] = [];
  for (let position = 0; position < read.batches.length; position += batches.at(-1)!.length) {
    const { sizeBytes } = readBatchHeader(read.batches, position);
    batches.push(read.batches.slice(position, position + sizeBytes));
  }
  return { ...read, batches: Buffer.concat(change(batches)) };
}

/** Readers at the high watermark are given what has been handed in and is not kept yet. */
function readsUnacknowledged(log: PartitionLog): PartitionLog {
  const pending = new Map<bigint, Uint8Array>();
  return withMethods(log, {
    append(batch) {
      const copy = batch.slice();
      const appended = log.append(batch);
      let at = log.highWatermark;
      for (let next = pending.get(at); next !== undefined; next = pending.get(at))
        at += BigInt(readBatchHeader(next, 0).recordCount);
      setBaseOffset(copy, 0, at);
      pending.set(at, copy);
      return appended.finally(() => pending.delete(at));
    },
    async read(offset, bytesMax) {
      const early = pending.get(offset);
      if (early === undefined || offset !== log.highWatermark) return log.read(offset, bytesMax);
      return { batches: early, logStartOffset: log.logStartOffset, highWatermark: log.highWatermark };
    },
  });
}
