// From one call of append to the partitions that its records go to: by the partition that a record names, else by the hash of
// its key. What goes to one partition is one part, and all parts are let in before the first is sent: a call that is
// rejected leaves nothing behind.
import { ThroughlineError, type ProducerRecord } from '@throughline/event';
import { AppendCoalescer } from './append-coalescer.ts';
import { partitionFor } from './partitioner.ts';
import type { AppendAck, AppendCondition } from './port.ts';

export interface AppendTarget {
  readonly topic: string;
  readonly partitionCount: number;
  /** The largest batch that the topic takes, in bytes. */
  readonly recordBytesMax: number;
  /** What gathers the appends of a partition. */
  readonly coalescer: (partition: number) => AppendCoalescer;
}

/**
 * Appends the records of one call. Not an async function: the call has its place in the order when it returns.
 *
 * @returns one acknowledgement per record, in their order
 * @throws ThroughlineError UNKNOWN_TOPIC for a partition that there is not, INVALID_ARGUMENT, and what AppendCoalescer.append throws
 */
export function appendParts(
  target: AppendTarget,
  records: readonly ProducerRecord[],
  condition?: AppendCondition,
): Promise<readonly AppendAck[]> {
  const { recordBytesMax, coalescer } = target;
  const first = records[0];
  if (first === undefined) return Promise.resolve([]);
  const partition = partitionOf(target, first);
  if (records.every((record) => partitionOf(target, record) === partition)) {
    return coalescer(partition).append(records, recordBytesMax, condition);
  }
  if (condition !== undefined) {
    throw new ThroughlineError('INVALID_ARGUMENT', 'a condition is for records of one partition');
  }
  return appendToMany(target, records);
}

async function appendToMany(target: AppendTarget, records: readonly ProducerRecord[]): Promise<readonly AppendAck[]> {
  const { recordBytesMax, coalescer } = target;
  const indexes = new Map<number, number[]>();
  records.forEach((record, index) => {
    const partition = partitionOf(target, record);
    const list = indexes.get(partition);
    if (list === undefined) indexes.set(partition, [index]);
    else list.push(index);
  });
  const lists = [...indexes];
  const parts = lists.map(([partition, list]) => {
    return { coalescer: coalescer(partition), records: list.map((index) => records[index]!), recordBytesMax };
  });
  const appended = await Promise.all(AppendCoalescer.appendTogether(parts));
  const acks: AppendAck[] = [];
  lists.forEach(([, list], part) => list.forEach((index, at) => (acks[index] = appended[part]![at]!)));
  return acks;
}

function partitionOf({ topic, partitionCount }: AppendTarget, { key, partition }: ProducerRecord): number {
  if (partition === undefined) return partitionFor(key, partitionCount);
  if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition;
  const message = `${topic} has ${partitionCount} partitions and no partition ${partition}`;
  throw new ThroughlineError('UNKNOWN_TOPIC', message);
}
