// What can be wrong with single records: lost, unseen, twice, in each other's place, rejected and there all the same.
//
// A lost write is one that must have been seen: acknowledged, and in the version order before something that was seen. Where
// values have several offsets, a value counts as due only when its last known offset is below the highest first offset
// of what was seen, as in jepsen.tests.kafka; otherwise one duplicate would make losses of its neighbours.
import type { AnomalyList } from './anomalies.ts';
import type { Evidence, Fate } from './evidence.ts';
import type { History } from './history.ts';

export function findRecordAnomalies(evidence: Evidence, found: AnomalyList): void {
  const { fates, orders } = evidence;
  const seenUpTo = new Map<number, Fate>();
  for (const fate of fates.values()) {
    if (fate.reader < 0) continue;
    const highest = seenUpTo.get(fate.partition);
    if (highest === undefined || fate.firstOffset > highest.firstOffset) seenUpTo.set(fate.partition, fate);
  }
  for (const fate of fates.values()) {
    const { value, partition, writer, reader, outcome } = fate;
    const isSeen = reader >= 0;
    if (isSeen && outcome === 'unsent') {
      found.add({ class: 'unsent-read', partition, values: [value], operations: [reader], text: `value ${value}` });
    }
    if (isSeen && outcome !== 'unsent' && fate.seenIn !== partition) {
      const text = `value ${value}, sent to partition ${partition}, in partition ${fate.seenIn}`;
      found.add({ class: 'unsent-read', partition, values: [value], operations: [writer, reader], text });
    }
    if (isSeen && outcome === 'fail') {
      const text = `value ${value}, at offset ${fate.firstOffset}`;
      found.add({ class: 'aborted-read', partition, values: [value], operations: [writer, reader], text });
    }
    if (fate.lastOffset > fate.firstOffset) {
      const operations = [writer, reader].filter((at) => at >= 0);
      const text = `value ${value} at offsets ${fate.firstOffset} and ${fate.lastOffset} of partition ${partition}`;
      found.add({ class: 'duplicate', partition, values: [value], operations, text });
    }
    if (isSeen || outcome !== 'ok') continue;
    const highest = seenUpTo.get(partition);
    if (fate.lastOffset >= 0 && highest !== undefined && fate.lastOffset <= highest.firstOffset) {
      const text =
        `value ${value} at offset ${fate.lastOffset} of partition ${partition}; ` +
        `offset ${highest.firstOffset} was seen`;
      const operations = [writer, highest.reader];
      found.add({ class: 'lost-write', partition, values: [value], operations, text });
    } else {
      const text = `value ${value} at offset ${fate.ackedOffset ?? 'unknown'} of partition ${partition}`;
      found.add({ class: 'unseen', partition, values: [value], operations: [writer], text });
    }
  }
  for (const { partition, conflicts } of orders.values()) {
    for (const [offset, set] of conflicts) {
      const values = [...set];
      const operations = values.flatMap((value) => {
        const { writer = -1, reader = -1 } = fates.get(value) ?? {};
        return [writer, reader].filter((at) => at >= 0);
      });
      const text = `offset ${offset} of partition ${partition} held the values ${values.join(' and ')}`;
      found.add({ class: 'inconsistent-offsets', partition, values, operations, text });
    }
  }
}

/** What somebody had seen before a process read everything, and that process did not see. */
export function findVanishedReads({ history, fates }: Evidence, found: AnomalyList): void {
  history.forEach(({ f, process, type }, at) => {
    if (f !== 'complete' || type !== 'ok') return;
    const { values, partitions, from } = readingOf(history, process);
    for (const { value, partition, reader, firstOffset } of fates.values()) {
      if (reader < 0 || reader > from || !partitions.has(partition) || values.has(value)) continue;
      const text = `value ${value}, seen at offset ${firstOffset} of partition ${partition}`;
      found.add({ class: 'vanished-read', partition, values: [value], operations: [reader, at], text });
    }
  });
}

/** What a process that read everything saw, of which partitions, and where in the history it began. */
function readingOf(
  history: History,
  process: number,
): { readonly values: ReadonlySet<number>; readonly partitions: ReadonlySet<number>; readonly from: number } {
  const values = new Set<number>();
  const partitions = new Set<number>();
  for (const operation of history) {
    if (operation.process !== process || operation.type !== 'ok') continue;
    if (operation.f === 'complete') for (const partition of operation.value) partitions.add(partition);
    if (operation.f !== 'poll') continue;
    for (const micro of operation.value) {
      if (micro.kind === 'poll') for (const { value } of micro.records) values.add(value);
    }
  }
  return { values, partitions, from: history.findIndex((operation) => operation.process === process) };
}
