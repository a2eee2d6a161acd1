// A workload for the checker: senders, readers and members of a group use one topic while a nemesis disturbs them; when it has
// gone, somebody reads every partition from its beginning to its end. What comes out is a history.
import { delay, type Clock, type Random } from '@throughline/event';
import { pollOnce, runMember, runReader, runSender, type Work } from './processes.ts';
import type { LogPort } from './ports.ts';
import type { Recorder } from './recorder.ts';

export interface WorkloadOptions {
  readonly log: LogPort;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly partitionCount: number;
  readonly senderCount: number;
  readonly readerCount: number;
  readonly memberCount: number;
  readonly pauseMsMax: number;
  /** How long a member of the group stands still now and then, in milliseconds. */
  readonly stallMs: number;
  readonly vanishLikelihood: number;
  /** Disturbs, and returns when everything is well again: the processes stop then. */
  readonly nemesis: () => Promise<void>;
  /** How long the last reader may go without coming further than ever before, in milliseconds. */
  readonly finalStallMsMax: number;
}

/** Runs it; rejects when the last reader does not come to the end of every partition. */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const { senderCount, readerCount, memberCount, log, nemesis } = options;
  let valueCount = 0;
  const work: Work = { ...options, nextValue: () => valueCount++, isStopping: false };
  const running: Promise<void>[] = [];
  for (let i = 0; i < senderCount; i++) running.push(runSender(work));
  for (let i = 0; i < readerCount; i++) running.push(runReader(work));
  if (log.member !== undefined) for (let i = 0; i < memberCount; i++) running.push(runMember(work, 'readers'));
  await nemesis();
  work.isStopping = true;
  await Promise.all(running);
  await readEverything(options, { ...work, isStopping: false });
}

async function readEverything({ finalStallMsMax, clock }: WorkloadOptions, work: Work): Promise<void> {
  const { log, recorder, partitionCount } = work;
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
  // However often it has to begin again: what counts is the furthest that it has come.
  let furthest = 0;
  let endMs = clock.monotonicMs() + finalStallMsMax;
  const noteProgress = (positions: ReadonlyMap<number, number>): void => {
    const total = [...positions.values()].reduce((sum, offset) => sum + offset, 0);
    if (total <= furthest) return;
    furthest = total;
    endMs = clock.monotonicMs() + finalStallMsMax;
  };
  for (let problem: unknown; ; await delay(clock, 10)) {
    if (clock.monotonicMs() > endMs) throw new Error('the last reader did not come to the end', { cause: problem });
    const process = recorder.newProcess();
    try {
      const consumer = await log.consumer();
      recorder.noteWhole(process, 'ok', { f: 'assign', value: partitions });
      const positions = new Map(partitions.map((partition) => [partition, 0]));
      const ends = await consumer.ends(partitions);
      const isBehind = (): boolean => partitions.some((partition) => positions.get(partition)! < ends.get(partition)!);
      while (isBehind()) {
        if (clock.monotonicMs() > endMs)
          throw new Error(`stuck at ${[...positions].join(' ')} of ${[...ends].join(' ')}`);
        if (!(await pollOnce(work, process, consumer, positions))) throw new Error('a poll failed');
        noteProgress(positions);
      }
      recorder.noteWhole(process, 'ok', { f: 'complete', value: partitions });
      consumer.close();
      return;
    } catch (error) {
      problem = error;
      recorder.noteWhole(process, 'info', { f: 'crash' });
    }
  }
}
