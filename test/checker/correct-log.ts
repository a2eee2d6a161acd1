// A log that does everything right, and processes that use it: histories for the tests of the checker. Operations of several
// processes overlap, sends end in all three ways, offsets have gaps, clients crash, the broker restarts, a group rebalances.
// At the end somebody reads everything.
import { integerBetween, type Random } from '@throughline/event';
import {
  nemesisProcess,
  type Action,
  type MicroOperation,
  type Operation,
  type Outcome,
  type SeenRecord,
} from './history.ts';

const partitionCount = 3;
const group = 'readers';

interface Process {
  readonly number: number;
  readonly kind: 'sender' | 'reader' | 'member';
  /** Next offset by partition, of what is assigned. */
  readonly positions: Map<number, number>;
  generation: number;
  /** What happens when the operation under way ends. */
  end: (() => Action & { readonly type: Outcome }) | undefined;
}

/** Runs about `operationCount` operations and returns their history. */
export function correctHistory(random: Random, operationCount: number): Operation[] {
  const history: Operation[] = [];
  const log: SeenRecord[][] = Array.from({ length: partitionCount }, () => []);
  const ends: number[] = Array.from({ length: partitionCount }, () => 0);
  const committed = new Map<number, number>();
  let epoch = 0;
  let generation = 0;
  let valueCount = 0;
  let processCount = 0;
  const chance = (likelihood: number): boolean => random.float() < likelihood;
  const processes: Process[] = [];
  const start = (kind: Process['kind']): Process => {
    return { number: processCount++, kind, positions: new Map(), generation: -1, end: undefined };
  };
  const append = (partition: number, value: number): number => {
    if (chance(0.1)) ends[partition]! += integerBetween(random, 1, 3);
    const offset = ends[partition]!++;
    log[partition]!.push({ partition, offset, value, epoch });
    return offset;
  };
  const take = (process: Process, countMax: number): SeenRecord[] => {
    const records: SeenRecord[] = [];
    for (const [partition, from] of process.positions) {
      const some = log[partition]!.filter(({ offset }) => offset >= from).slice(0, integerBetween(random, 0, countMax));
      if (some.length > 0) process.positions.set(partition, some.at(-1)!.offset + 1);
      // Copies: the tests change what one poll saw and not what all saw.
      records.push(...some.map((record) => ({ ...record })));
    }
    return records;
  };
  const begin = (process: Process, action: Action, end: Process['end']): void => {
    history.push({ process: process.number, type: 'invoke', ...action });
    process.end = end;
  };
  const send = (process: Process): void => {
    const partition = integerBetween(random, 0, partitionCount - 1);
    const sends = Array.from({ length: integerBetween(random, 1, 3) }, () => {
      return { kind: 'send', partition, value: valueCount++ } as const;
    });
    begin(process, { f: 'send', value: sends }, () => {
      const type: Outcome = chance(0.85) ? 'ok' : chance(0.5) ? 'fail' : 'info';
      const value: MicroOperation[] = sends.map((one) => {
        if (type === 'fail' || (type === 'info' && chance(0.5))) return one;
        const offset = append(partition, one.value);
        return type === 'ok' ? { ...one, offset } : one;
      });
      return { f: 'send', type, value };
    });
  };
  const poll = (process: Process): void => {
    begin(process, { f: 'poll', value: [] }, () => {
      const before = new Map(process.positions);
      const value: MicroOperation[] = [{ kind: 'poll', records: take(process, 5) }];
      if (chance(0.95)) return { f: 'poll', type: 'ok', value };
      for (const [partition, offset] of before) process.positions.set(partition, offset);
      return { f: 'poll', type: 'fail', value };
    });
  };
  const assign = (process: Process): void => {
    const isFromBeginning = chance(0.3);
    const partitions = [0, 1, 2].filter(() => chance(0.7));
    begin(process, { f: 'assign', value: partitions, isFromBeginning }, () => {
      for (const partition of process.positions.keys()) {
        if (isFromBeginning || !partitions.includes(partition)) process.positions.delete(partition);
      }
      for (const partition of partitions) {
        if (!process.positions.has(partition)) process.positions.set(partition, 0);
      }
      return { f: 'assign', type: 'ok', value: partitions, isFromBeginning };
    });
  };
  const rebalance = (): void => {
    generation++;
    const members = processes.filter(({ kind, end }) => kind === 'member' && end === undefined);
    for (const [index, process] of members.entries()) {
      const partitions = [0, 1, 2].filter((partition) => partition % members.length === index);
      const value = { group, member: `m${process.number}`, generation, partitions };
      begin(process, { f: 'subscribe', value }, undefined);
      history.push({ process: process.number, type: 'ok', f: 'subscribe', value });
      process.generation = generation;
      process.positions.clear();
      for (const partition of partitions) process.positions.set(partition, committed.get(partition) ?? 0);
    }
  };
  const commit = (process: Process): void => {
    const value = { group, generation: process.generation, offsets: new Map(process.positions) };
    begin(process, { f: 'commit', value }, () => {
      if (process.generation !== generation) return { f: 'commit', type: 'fail', value };
      const type: Outcome = chance(0.9) ? 'ok' : 'info';
      if (type === 'ok' || chance(0.5)) for (const [key, offset] of value.offsets) committed.set(key, offset);
      return { f: 'commit', type, value };
    });
  };
  const readCommitted = (process: Process): void => {
    begin(process, { f: 'committed', value: { group, offsets: new Map() } }, () => {
      const offsets = new Map([0, 1, 2].map((partition) => [partition, committed.get(partition) ?? -1]));
      return { f: 'committed', type: 'ok', value: { group, offsets } };
    });
  };

  for (const kind of ['sender', 'sender', 'reader', 'reader', 'member', 'member'] as const) processes.push(start(kind));
  rebalance();
  while (history.length < operationCount) {
    const index = integerBetween(random, 0, processes.length - 1);
    const process = processes[index]!;
    const { kind, end, number } = process;
    if (end !== undefined) {
      process.end = undefined;
      const ended: Operation = { process: number, ...end() };
      history.push(ended);
      if (ended.type === 'info') processes[index] = start(kind);
    } else if (chance(0.01)) {
      history.push({ process: nemesisProcess, type: 'info', f: 'restart', isClean: false });
      epoch++;
    } else if (chance(0.02)) {
      begin(process, { f: 'crash' }, undefined);
      history.push({ process: number, type: 'info', f: 'crash' });
      processes[index] = start(kind);
    } else if (kind === 'sender') send(process);
    else if (chance(kind === 'reader' ? 0.05 : 0.03)) (kind === 'reader' ? assign : rebalance)(process);
    else if (kind === 'reader' && process.positions.size > 0) poll(process);
    else if (kind === 'member' && process.generation >= 0) {
      if (chance(0.3)) commit(process);
      else if (chance(0.1)) readCommitted(process);
      else poll(process);
    }
  }
  for (const { number, end } of processes) if (end !== undefined) history.push({ process: number, ...end() });

  const last = start('reader');
  const all = [0, 1, 2];
  for (const type of ['invoke', 'ok'] as const) history.push({ process: last.number, type, f: 'assign', value: all });
  for (const partition of all) last.positions.set(partition, 0);
  for (;;) {
    history.push({ process: last.number, type: 'invoke', f: 'poll', value: [] });
    const records = take(last, 50);
    history.push({ process: last.number, type: 'ok', f: 'poll', value: [{ kind: 'poll', records }] });
    if (all.every((partition) => (last.positions.get(partition) ?? 0) >= ends[partition]!)) break;
  }
  for (const type of ['invoke', 'ok'] as const) history.push({ process: last.number, type, f: 'complete', value: all });
  return history;
}
