// Places in a history and changes of it, for the tests of the checker.
import { integerBetween, type Random } from '@throughline/event';
import { gatherEvidence, type Evidence, type Fate } from './evidence.ts';
import { nemesisProcess, type History, type Operation, type SeenRecord } from './history.ts';

export function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list.length === 0 ? undefined : list[integerBetween(random, 0, list.length - 1)];
}

export function fatesOf(history: History, isWanted: (evidence: Evidence, fate: Fate) => boolean): Fate[] {
  const evidence = gatherEvidence(history);
  return [...evidence.fates.values()].filter((fate) => isWanted(evidence, fate));
}

export function recordsOf(operation: Operation): readonly SeenRecord[] {
  if (operation.f !== 'poll' && operation.f !== 'txn') return [];
  return operation.value.flatMap((micro) => (micro.kind === 'poll' ? micro.records : []));
}

export function sentValues(operation: Operation): number[] {
  if (operation.f !== 'send') return [];
  return operation.value.flatMap((micro) => (micro.kind === 'send' ? [micro.value] : []));
}

/** A copy in which each polled record is replaced by what `change` makes of it. */
export function mapRecords(
  history: History,
  change: (record: SeenRecord, at: number) => readonly SeenRecord[],
): History {
  return history.map((operation, at) => {
    if (operation.f !== 'poll') return operation;
    return {
      ...operation,
      value: operation.value.map((micro) =>
        micro.kind === 'poll'
          ? { kind: 'poll' as const, records: micro.records.flatMap((record) => change(record, at)) }
          : micro,
      ),
    };
  });
}

/** Records of successful polls that fit, with the position of their operation. */
export function pollPlaces(history: History, isWanted: (record: SeenRecord) => boolean): [number, SeenRecord][] {
  return history.flatMap((operation, at) =>
    operation.type === 'ok'
      ? recordsOf(operation)
          .filter(isWanted)
          .map((record): [number, SeenRecord] => [at, record])
      : [],
  );
}

export function lastPollOf(history: History, partition: number): number | undefined {
  return pollPlaces(history, (record) => record.partition === partition).at(-1)?.[0];
}

/** The last reader of a partition finds one more record at its end. */
export function seenAtTheEnd(history: History, partition: number, value: number): History | undefined {
  const at = lastPollOf(history, partition);
  if (at === undefined) return undefined;
  const tail = recordsOf(history[at]!)
    .filter((record) => record.partition === partition)
    .at(-1)!;
  return mapRecords(history, (record, index) =>
    index === at && record === tail ? [record, { ...tail, value, offset: tail.offset + 1 }] : [record],
  );
}

/** Whether more than one successful poll returned it. */
function isSeenTwice(history: History, value: number): boolean {
  return pollPlaces(history, (record) => record.value === value).length > 1;
}

/** Records that somebody else has seen, too, with others of their partition before and after them in the same successful poll. */
export function innerPlaces(history: History): SeenRecord[] {
  return history.flatMap((operation) => {
    if (operation.type !== 'ok') return [];
    const records = recordsOf(operation);
    return records.filter(
      ({ partition, value }, index) =>
        records[index - 1]?.partition === partition &&
        records[index + 1]?.partition === partition &&
        isSeenTwice(history, value),
    );
  });
}

/** First records of a partition in a poll of the last reader that has polled the partition before, with more after them. */
export function firstOfLaterPolls(history: History): SeenRecord[] {
  const reader = history.at(-1)!.process;
  const seen = new Set<number>();
  return history.flatMap((operation) => {
    if (operation.process !== reader || operation.type !== 'ok') return [];
    const records = recordsOf(operation);
    const firsts = records.filter(
      ({ partition, value }, index) =>
        seen.has(partition) &&
        isSeenTwice(history, value) &&
        records[index - 1]?.partition !== partition &&
        records[index + 1]?.partition === partition,
    );
    for (const { partition } of records) seen.add(partition);
    return firsts;
  });
}

/** Two values change places, in every poll and in their acknowledgements. */
export function swapped(history: History, one: number, two: number): History {
  const other = (value: number): number => (value === one ? two : value === two ? one : value);
  const { fates } = gatherEvidence(history);
  const epochs = new Map([one, two].map((value) => [value, fates.get(value)?.epoch]));
  return mapRecords(history, (record) => {
    const value = other(record.value);
    const epoch = epochs.get(record.value);
    return [value === record.value ? record : { ...record, value, ...(epoch === undefined ? {} : { epoch }) }];
  }).map((operation) => {
    if (operation.f !== 'send' || operation.type !== 'ok') return operation;
    return {
      ...operation,
      value: operation.value.map((micro) => {
        const offset = micro.kind === 'send' ? fates.get(other(micro.value))?.ackedOffset : undefined;
        return offset === undefined ? micro : { ...micro, offset };
      }),
    };
  });
}

/** Positions of successful operations on the offsets of the group that had a positive offset acknowledged before they began. */
export function groupPlaces(history: History, f: 'commit' | 'committed'): number[] {
  const { invokeOf } = gatherEvidence(history);
  return history.flatMap((operation, at) =>
    operation.f === f &&
    operation.type === 'ok' &&
    highestBefore(history, invokeOf[at]!, operation.value.offsets.keys()) !== undefined
      ? [at]
      : [],
  );
}

function highestBefore(history: History, at: number, partitions: Iterable<number>): [number, number] | undefined {
  for (const partition of partitions) {
    const offsets = history.slice(0, Math.max(0, at)).flatMap((operation) => {
      const offset =
        operation.f === 'commit' && operation.type === 'ok' ? operation.value.offsets.get(partition) : undefined;
      return offset === undefined || offset < 1 ? [] : [offset];
    });
    if (offsets.length > 0) return [partition, Math.max(...offsets)];
  }
  return undefined;
}

/** The offset of a partition in the operation at `at` falls below what had been committed. */
export function lowered(history: History, at: number): History {
  const { invokeOf } = gatherEvidence(history);
  return history.map((operation, index) => {
    if (index !== at || (operation.f !== 'commit' && operation.f !== 'committed')) return operation;
    const [partition, highest] = highestBefore(history, invokeOf[at]!, operation.value.offsets.keys())!;
    const offsets = new Map(operation.value.offsets).set(partition, highest - 1);
    return { ...operation, value: { ...operation.value, offsets } };
  });
}

/** Whether some partition has acknowledged records on both sides of a restart. */
export function spansRestart(history: History): boolean {
  const restart = history.findIndex(({ process, f }) => process === nemesisProcess && f === 'restart');
  const { fates } = gatherEvidence(history);
  const sent = [...fates.values()].filter(({ outcome, reader }) => outcome === 'ok' && reader >= 0);
  return sent.some(
    (one) => one.writer < restart && sent.some((two) => two.partition === one.partition && two.writerInvoke > restart),
  );
}
