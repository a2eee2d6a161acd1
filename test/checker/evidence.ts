// What a history proves of each record and of each partition, gathered in one pass: who sent a value and what became of it,
// where it was seen, and the version order of a partition, which is the order of the offsets that acknowledgements and
// polls speak of. Offsets need not be contiguous: control batches and compaction leave gaps that nobody can see.
//
// As in jepsen.tests.kafka every poll is evidence, whatever became of its operation, since a consumer must never be given what
// is not there; and of a transaction that nobody knows the end of, the sends are evidence once one of them was seen.
import { outcomeOf, type History, type Operation, type Send } from './history.ts';

/** All that is known of a value. */
export interface Fate {
  readonly value: number;
  partition: number;
  /** Position of the operation that sent it, of its end; -1: nobody sent it. */
  writer: number;
  /** Position of the `invoke` of that operation; -1 where the history has none. */
  writerInvoke: number;
  outcome: 'ok' | 'fail' | 'info' | 'unsent';
  /** Of the acknowledgement. */
  ackedOffset: number | undefined;
  /** The lowest and the highest offset at which it is known to be. */
  firstOffset: number;
  lastOffset: number;
  /** Position of the first successful poll that returned it; -1: none. */
  reader: number;
  /** Where it was seen, last; it should be the partition it was sent to. */
  seenIn: number | undefined;
  /** The leader epoch with which it was seen, the lowest of several. */
  epoch: number | undefined;
}

export class PartitionOrder {
  readonly partition: number;
  /** The value at each known offset: the first that was heard of. */
  readonly valueAt = new Map<number, number>();
  /** All values of the offsets that have several. */
  readonly conflicts = new Map<number, Set<number>>();
  #sorted: Float64Array | undefined;

  constructor(partition: number) {
    this.partition = partition;
  }

  note(offset: number, value: number): void {
    const there = this.valueAt.get(offset);
    if (there === value) return;
    if (there === undefined) {
      this.valueAt.set(offset, value);
      this.#sorted = undefined;
      return;
    }
    const values = this.conflicts.get(offset);
    if (values === undefined) this.conflicts.set(offset, new Set([there, value]));
    else values.add(value);
  }

  /** All known offsets, ascending. */
  get offsets(): Float64Array {
    return (this.#sorted ??= Float64Array.from(this.valueAt.keys()).sort());
  }

  /** The known offsets after `from` and before `to`. */
  between(from: number, to: number): Float64Array {
    const { offsets } = this;
    return offsets.subarray(lowerBound(offsets, from + 1), lowerBound(offsets, to));
  }
}

export interface Evidence {
  readonly history: History;
  readonly fates: ReadonlyMap<number, Fate>;
  readonly orders: ReadonlyMap<number, PartitionOrder>;
  /** The position of the `invoke` for the position of the end. */
  readonly invokeOf: Int32Array;
}

export function gatherEvidence(history: History): Evidence {
  const fates = new Map<number, Fate>();
  const orders = new Map<number, PartitionOrder>();
  const invokeOf = new Int32Array(history.length).fill(-1);
  const openInvokes = new Map<number, number>();
  const uncertain: { operation: Operation; sends: readonly Send[] }[] = [];
  const fateOf = (value: number, partition: number): Fate => {
    let fate = fates.get(value);
    if (fate === undefined) fates.set(value, (fate = unknownFate(value, partition)));
    return fate;
  };
  const orderOf = (partition: number): PartitionOrder => {
    let order = orders.get(partition);
    if (order === undefined) orders.set(partition, (order = new PartitionOrder(partition)));
    return order;
  };
  const place = (fate: Fate, partition: number, offset: number): void => {
    if (offset < fate.firstOffset) fate.firstOffset = offset;
    if (offset > fate.lastOffset) fate.lastOffset = offset;
    orderOf(partition).note(offset, fate.value);
  };

  for (let at = 0; at < history.length; at++) {
    const operation = history[at]!;
    if (operation.type === 'invoke') {
      openInvokes.set(operation.process, at);
      // What is in flight when the history ends may have happened.
      if (operation.f === 'send' || operation.f === 'txn') noteSends(operation, at, at, fateOf);
      continue;
    }
    const invoke = openInvokes.get(operation.process) ?? -1;
    openInvokes.delete(operation.process);
    invokeOf[at] = invoke;
    if (operation.f !== 'send' && operation.f !== 'poll' && operation.f !== 'txn') continue;
    noteSends(operation, at, invoke, fateOf);
    const sends: Send[] = [];
    for (const micro of operation.value) {
      if (micro.kind === 'send') {
        sends.push(micro);
        continue;
      }
      for (const { partition, offset, value, epoch } of micro.records) {
        const fate = fateOf(value, partition);
        if (fate.seenIn === undefined || partition !== fate.partition) fate.seenIn = partition;
        if (fate.reader < 0 && operation.type === 'ok') fate.reader = at;
        if (epoch !== undefined && (fate.epoch === undefined || epoch < fate.epoch)) fate.epoch = epoch;
        place(fate, partition, offset);
      }
    }
    if (operation.f === 'txn' && operation.type === 'info') uncertain.push({ operation, sends });
    else placeSends(operation, sends, fateOf, place);
  }
  for (const { operation, sends } of uncertain) {
    if (sends.some(({ value, partition }) => fateOf(value, partition).reader >= 0)) {
      placeSends({ ...operation, type: 'ok' }, sends, fateOf, place);
    }
  }
  return { history, fates, orders, invokeOf };
}

function unknownFate(value: number, partition: number): Fate {
  return {
    value,
    partition,
    writer: -1,
    writerInvoke: -1,
    outcome: 'unsent',
    ackedOffset: undefined,
    firstOffset: Number.POSITIVE_INFINITY,
    lastOffset: -1,
    reader: -1,
    seenIn: undefined,
    epoch: undefined,
  };
}

function noteSends(
  operation: Operation & { readonly f: 'send' | 'poll' | 'txn' },
  at: number,
  invoke: number,
  fateOf: (value: number, partition: number) => Fate,
): void {
  for (const micro of operation.value) {
    if (micro.kind !== 'send') continue;
    const fate = fateOf(micro.value, micro.partition);
    fate.writer = at;
    fate.writerInvoke = invoke;
    fate.partition = micro.partition;
    fate.outcome = operation.type === 'invoke' ? 'info' : outcomeOf(operation, micro);
  }
}

function placeSends(
  operation: Operation,
  sends: readonly Send[],
  fateOf: (value: number, partition: number) => Fate,
  place: (fate: Fate, partition: number, offset: number) => void,
): void {
  for (const send of sends) {
    if (send.offset === undefined || outcomeOf(operation, send) !== 'ok') continue;
    const fate = fateOf(send.value, send.partition);
    fate.outcome = 'ok';
    fate.ackedOffset = send.offset;
    place(fate, send.partition, send.offset);
  }
}

/** Whether a value is at one offset, which holds nothing else: other finds than its own then say nothing about it. */
export function isPlain({ orders }: Pick<Evidence, 'orders'>, { partition, firstOffset, lastOffset }: Fate): boolean {
  return firstOffset === lastOffset && orders.get(partition)?.conflicts.has(firstOffset) !== true;
}

/** The first index whose number is not below `wanted`. */
function lowerBound(sorted: Float64Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
