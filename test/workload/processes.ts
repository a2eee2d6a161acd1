// What the processes of the workload do, each in a loop until it is told to stop, and how they write down what came of it. A
// process of which an operation ended in the dark is thrown away, and another one with a new number takes its place.
import { delay, integerBetween, type Clock, type Random } from '@throughline/event';
import type { Outcome, Poll, Send } from '../checker/history.ts';
import { Rejection, type ConsumerPort, type LogPort, type MemberPort, type ProducerPort } from './ports.ts';
import type { Recorder } from './recorder.ts';

export interface Work {
  readonly log: LogPort;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly partitionCount: number;
  /** The longest pause of a process between two operations, in milliseconds. */
  readonly pauseMsMax: number;
  /** How long a member stands still now and then, in milliseconds: longer than its group waits for it. */
  readonly stallMs: number;
  /** How likely a member vanishes after a poll, without a word, and another one comes. */
  readonly vanishLikelihood: number;
  /** Values are given once. */
  readonly nextValue: () => number;
  isStopping: boolean;
}

/** Sends batches, up to three in flight at once, to partitions it chooses. */
export async function runSender(work: Work): Promise<void> {
  const { recorder, random, partitionCount, nextValue } = work;
  while (!work.isStopping) {
    const producer = await opened(work, () => work.log.producer());
    if (producer === undefined) return;
    const process = recorder.newProcess();
    for (let isCertain = true; isCertain && !work.isStopping; await pause(work)) {
      const partition = integerBetween(random, 0, partitionCount - 1);
      const batches = Array.from({ length: integerBetween(random, 1, 3) }, () =>
        Array.from({ length: integerBetween(random, 1, 3) }, nextValue),
      );
      isCertain = await sendOnce(work, process, producer, partition, batches);
    }
    producer.close();
  }
}

async function sendOnce(
  { recorder }: Work,
  process: number,
  producer: ProducerPort,
  partition: number,
  batches: readonly (readonly number[])[],
): Promise<boolean> {
  const sends: Send[] = batches.flat().map((value) => ({ kind: 'send', partition, value }));
  recorder.note(process, 'invoke', { f: 'send', value: sends });
  const results = await producer.send(partition, batches);
  const told = batches.flatMap((values, index): Send[] => {
    const result = results[index]!;
    return values.map((value, at) => {
      const { outcome } = result;
      return {
        kind: 'send',
        partition,
        value,
        outcome,
        ...(outcome === 'ok' ? { offset: result.baseOffset + at } : {}),
      };
    });
  });
  const has = (outcome: Outcome): boolean => results.some((result) => result.outcome === outcome);
  const type = has('info') ? 'info' : has('ok') ? 'ok' : 'fail';
  const notes = results.flatMap((result) => (result.outcome === 'ok' ? [] : [result.note]));
  recorder.note(process, type, { f: 'send', value: told }, notes.length === 0 ? undefined : notes.join('; '));
  return type !== 'info';
}

/** Reads partitions that it assigns to itself, now these and now those. */
export async function runReader(work: Work): Promise<void> {
  const { recorder, random, partitionCount } = work;
  while (!work.isStopping) {
    const consumer = await opened(work, () => work.log.consumer());
    if (consumer === undefined) return;
    const process = recorder.newProcess();
    const positions = new Map<number, number>();
    for (let turn = 0, turns = integerBetween(random, 20, 60); turn < turns && !work.isStopping; turn++) {
      if (positions.size === 0 || random.float() < 0.05) assign(work, process, positions, partitionCount);
      await pollOnce(work, process, consumer, positions);
      await pause(work);
    }
    recorder.noteWhole(process, 'info', { f: 'crash' });
    consumer.close();
  }
}

function assign({ recorder, random }: Work, process: number, positions: Map<number, number>, count: number): void {
  const chosen = Array.from({ length: count }, (_, partition) => partition).filter(() => random.float() < 0.6);
  const isFromBeginning = random.float() < 0.2;
  for (const partition of positions.keys()) {
    if (isFromBeginning || !chosen.includes(partition)) positions.delete(partition);
  }
  for (const partition of chosen) if (!positions.has(partition)) positions.set(partition, 0);
  recorder.noteWhole(process, 'ok', { f: 'assign', value: chosen, isFromBeginning });
}

/** Polls, and moves the positions behind what came. */
export async function pollOnce(
  { recorder }: Work,
  process: number,
  consumer: ConsumerPort,
  positions: Map<number, number>,
): Promise<boolean> {
  recorder.note(process, 'invoke', { f: 'poll', value: [] });
  try {
    const records = await consumer.poll(positions);
    for (const { partition, offset } of records) positions.set(partition, offset + 1);
    const poll: Poll = { kind: 'poll', records };
    recorder.note(process, 'ok', { f: 'poll', value: [poll] });
    return true;
  } catch (error) {
    recorder.note(process, 'fail', { f: 'poll', value: [] }, String(error));
    return false;
  }
}

/** Reads what its group gives it, and commits how far it came. */
export async function runMember(work: Work, group: string): Promise<void> {
  const { recorder, random, log } = work;
  while (!work.isStopping) {
    const member = await opened(work, () => log.member!(group));
    if (member === undefined) return;
    const process = recorder.newProcess();
    // Some leave early, without a word, so that the group has to notice.
    const turns = integerBetween(random, 30, 120);
    for (let turn = 0, isAlive = true; isAlive && turn < turns && !work.isStopping; turn++) {
      isAlive = await liveOneGeneration(work, process, member, group);
    }
    recorder.noteWhole(process, 'info', { f: 'crash' });
    member.close();
  }
}

/** From a join to the next rebalance; false when the member is to be thrown away. */
async function liveOneGeneration(work: Work, process: number, member: MemberPort, group: string): Promise<boolean> {
  const { recorder, random } = work;
  try {
    const membership = await member.join();
    const { generation, partitions } = membership;
    recorder.noteWhole(process, 'ok', { f: 'subscribe', value: membership });
    const positions = await committedOnce(work, process, member, group, partitions);
    for (const [partition, offset] of positions) if (offset < 0) positions.set(partition, 0);
    while (!work.isStopping) {
      const before = new Map(positions);
      if (positions.size > 0) await pollOnce(work, process, member, positions);
      if (random.float() < 0.1) await delay(work.clock, work.stallMs);
      const hasMoved = [...positions].some(([partition, offset]) => offset > before.get(partition)!);
      if (hasMoved && random.float() < 0.8) {
        const outcome = await commitOnce(work, process, member, group, generation, positions);
        if (outcome === 'info') return false;
        if (outcome === 'fail') return true;
      }
      if (!(await member.heartbeat())) return true;
      if (random.float() < work.vanishLikelihood) return false;
      await pause(work);
    }
    return false;
  } catch {
    // Commits are met above; whatever else failed, the member may try it again.
    await pause(work);
    return true;
  }
}

async function commitOnce(
  { recorder }: Work,
  process: number,
  member: MemberPort,
  group: string,
  generation: number,
  offsets: ReadonlyMap<number, number>,
): Promise<Outcome> {
  const action = { f: 'commit', value: { group, generation, offsets: new Map(offsets) } } as const;
  recorder.note(process, 'invoke', action);
  try {
    await member.commit(generation, offsets);
    recorder.note(process, 'ok', action);
    return 'ok';
  } catch (error) {
    const outcome = error instanceof Rejection ? 'fail' : 'info';
    recorder.note(process, outcome, action, String(error));
    return outcome;
  }
}

async function committedOnce(
  { recorder }: Work,
  process: number,
  member: MemberPort,
  group: string,
  partitions: readonly number[],
): Promise<Map<number, number>> {
  const nothing = new Map<number, number>();
  recorder.note(process, 'invoke', { f: 'committed', value: { group, offsets: nothing } });
  try {
    const offsets = new Map(await member.committed(partitions));
    recorder.note(process, 'ok', { f: 'committed', value: { group, offsets: new Map(offsets) } });
    return offsets;
  } catch (error) {
    recorder.note(process, 'fail', { f: 'committed', value: { group, offsets: nothing } }, String(error));
    throw error;
  }
}

/** Opens a port, again and again while the broker is away; undefined when the work is over first. */
async function opened<Port>(work: Work, open: () => Promise<Port>): Promise<Port | undefined> {
  while (!work.isStopping) {
    try {
      return await open();
    } catch {
      // The broker may be down; whoever waits long enough finds it again.
      await pause(work);
    }
  }
  return undefined;
}

async function pause({ clock, random, pauseMsMax }: Work): Promise<void> {
  await delay(clock, 1 + random.float() * pauseMsMax);
}
