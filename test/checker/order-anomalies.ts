// What can be wrong with the order in which processes see and write: polls that pass over records or go back, sends that land in
// another order than they were made in, leader epochs that do not move on.
import type { AnomalyList } from './anomalies.ts';
import { isPlain, type Evidence } from './evidence.ts';
import { outcomeOf, type Operation } from './history.ts';

interface Position {
  readonly offset: number;
  readonly value: number;
  /** The operation that came here. */
  readonly at: number;
}

/** A send whose record is somewhere. */
interface Landed {
  readonly partition: number;
  readonly value: number;
  readonly offset: number;
  readonly isAcked: boolean;
}

/** By partition. */
type Positions = Map<number, Position>;

export function findPollAnomalies({ history, orders }: Evidence, found: AnomalyList): void {
  const positionsOf = new Map<number, Positions>();
  for (let at = 0; at < history.length; at++) {
    const operation = history[at]!;
    if (operation.type === 'invoke') continue;
    const { process } = operation;
    if (operation.f === 'crash' || operation.f === 'subscribe') positionsOf.delete(process);
    if (operation.f === 'assign' && operation.type !== 'fail') {
      const kept = operation.isFromBeginning === true ? [] : operation.value;
      const positions = positionsOf.get(process);
      for (const partition of positions?.keys() ?? []) if (!kept.includes(partition)) positions?.delete(partition);
    }
    if (operation.f !== 'poll' && operation.f !== 'txn') continue;
    let positions = positionsOf.get(process);
    if (positions === undefined) positionsOf.set(process, (positions = new Map<number, Position>()));
    // What came of an operation that did not end well moves nothing: the next poll begins where this one began.
    const here: Positions = operation.type === 'ok' ? positions : new Map(positions);
    for (const micro of operation.value) {
      if (micro.kind !== 'poll') continue;
      for (const { partition, offset, value } of micro.records) {
        const last = here.get(partition);
        here.set(partition, { offset, value, at });
        if (last === undefined || offset === last.offset + 1) continue;
        const isInternal = last.at === at;
        const operations = isInternal ? [at] : [last.at, at];
        const values = [last.value, value];
        const step = `process ${process}, partition ${partition}: from offset ${last.offset} to ${offset}`;
        if (offset <= last.offset) {
          const name = isInternal ? 'int-nonmonotonic-poll' : 'nonmonotonic-poll';
          found.add({ class: name, partition, values, operations, text: step });
        } else {
          const skipped = orders.get(partition)?.between(last.offset, offset) ?? new Float64Array(0);
          if (skipped.length === 0) continue;
          const name = isInternal ? 'int-poll-skip' : 'poll-skip';
          const text = `${step}, over ${skipped.length} records, the first at offset ${skipped[0]}`;
          found.add({ class: name, partition, values, operations, text });
        }
      }
    }
  }
}

export function findSendAnomalies(evidence: Evidence, found: AnomalyList): void {
  const { history, invokeOf } = evidence;
  const lastOf = new Map<number, Positions>();
  /** The highest acknowledged offset of each partition so far, as a list that grows: who began before an entry was added, knew nothing of it. */
  const highest = new Map<number, Position[]>();
  for (let at = 0; at < history.length; at++) {
    const operation = history[at]!;
    if (operation.type === 'invoke' || (operation.f !== 'send' && operation.f !== 'txn')) continue;
    const { process } = operation;
    const invoke = invokeOf[at]!;
    let last = lastOf.get(process);
    if (last === undefined) lastOf.set(process, (last = new Map<number, Position>()));
    const landed = landedOf(operation, evidence);
    for (const { partition, value, offset } of landed) {
      const before = last.get(partition);
      const known = lastBefore(highest.get(partition) ?? [], invoke);
      const say = (from: Position): string =>
        `partition ${partition}: value ${value} at offset ${offset}, sent after value ${from.value} at offset ${from.offset}`;
      if (before !== undefined && offset < before.offset) {
        const isInternal = before.at === at;
        const operations = isInternal ? [at] : [before.at, at];
        const name = isInternal ? 'int-nonmonotonic-send' : 'nonmonotonic-send';
        found.add({ class: name, partition, values: [before.value, value], operations, text: say(before) });
      } else if (known !== undefined && offset < known.offset) {
        const operations = [known.at, at];
        const values = [known.value, value];
        found.add({ class: 'realtime-nonmonotonic-send', partition, values, operations, text: say(known) });
      }
      if (before === undefined || before.at !== at || offset > before.offset)
        last.set(partition, { offset, value, at });
    }
    // A send that nobody knows the end of may land long after it was given up: only in its own operation does it have a place.
    for (const { partition, value, offset, isAcked } of landed) {
      if (!isAcked) {
        last.delete(partition);
        continue;
      }
      const list = highest.get(partition);
      if (list === undefined) highest.set(partition, [{ offset, value, at }]);
      else if (offset > list.at(-1)!.offset) list.push({ offset, value, at });
    }
  }
}

/**
 * Leader epochs (KIP-101): they never go down along a partition, and what is written after an unclean restart has a higher
 * one than all that was acknowledged before it. Without that a follower or consumer could not see that a log was cut.
 */
export function findEpochAnomalies(evidence: Evidence, found: AnomalyList): void {
  const { history, fates, orders, invokeOf } = evidence;
  const highest = new Map<number, Position>();
  let floor = new Map<number, Position>();
  let restartAt = -1;
  for (let at = 0; at < history.length; at++) {
    const operation = history[at]!;
    if (operation.f === 'restart' && !operation.isClean) {
      floor = new Map(highest);
      restartAt = at;
    }
    if (operation.type === 'invoke' || (operation.f !== 'send' && operation.f !== 'txn')) continue;
    for (const { partition, value, isAcked } of landedOf(operation, evidence)) {
      const epoch = fates.get(value)?.epoch;
      if (epoch === undefined) continue;
      const below = floor.get(partition);
      if (below !== undefined && invokeOf[at]! > restartAt && epoch <= below.offset) {
        const text = `partition ${partition}: value ${value}, sent after the restart, has epoch ${epoch} as value ${below.value}`;
        const operations = [below.at, restartAt, at];
        found.add({ class: 'epoch-not-bumped', partition, values: [below.value, value], operations, text });
      }
      if (isAcked && epoch > (highest.get(partition)?.offset ?? -1))
        highest.set(partition, { offset: epoch, value, at });
    }
  }
  for (const { partition, offsets, valueAt } of orders.values()) {
    let before: { readonly epoch: number; readonly offset: number; readonly value: number } | undefined;
    for (const offset of offsets) {
      const value = valueAt.get(offset)!;
      const fate = fates.get(value)!;
      const { epoch } = fate;
      if (epoch === undefined || !isPlain(evidence, fate)) continue;
      if (before !== undefined && epoch < before.epoch) {
        const text = `partition ${partition}: epoch ${epoch} at offset ${offset}, and ${before.epoch} at offset ${before.offset}`;
        const operations = [fate.reader];
        found.add({ class: 'epoch-not-bumped', partition, values: [before.value, value], operations, text });
      }
      before = { epoch, offset, value };
    }
  }
}

/** The sends of an operation that have an offset, by acknowledgement or, where nobody knows, by having been seen. */
function landedOf(
  operation: Operation & { readonly f: 'send' | 'poll' | 'txn' },
  evidence: Evidence,
): readonly Landed[] {
  const landed: Landed[] = [];
  for (const micro of operation.value) {
    if (micro.kind !== 'send') continue;
    const outcome = outcomeOf(operation, micro);
    if (outcome === 'fail') continue;
    const { partition, value } = micro;
    const fate = evidence.fates.get(value);
    if (fate !== undefined && isPlain(evidence, fate))
      landed.push({ partition, value, offset: fate.firstOffset, isAcked: outcome === 'ok' });
  }
  return landed;
}

/** The last entry that was added before `at`. */
function lastBefore(list: readonly Position[], at: number): Position | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.at < at) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}
