// A topic folded from its first record to the high watermarks of the beginning, into a state that is in the making.
import type { LogRecord } from '@throughline/event';
import { readOn, unknownEpoch, type Damage, type Log, type TopicDescription } from '@throughline/log';
import { defaults } from './defaults.ts';
import { nextTurn } from './consumer/hand-on.ts';
import { slices } from './consumer/gather.ts';
import { markOf } from './consumer/record-mark.ts';
import type { Skip } from './reduce-records.ts';
import type { Rebuild } from './store.ts';

export interface ReplayOptions<State> {
  readonly log: Log;
  /** The topic as it is at the beginning: what is appended later is followed after the swap. */
  readonly description: TopicDescription;
  readonly rebuild: Rebuild<State>;
  readonly recordsMax: number;
  readonly reduceAll: (state: State, records: readonly LogRecord[], skips: Skip[]) => State;
  readonly onDamage: (damage: Damage) => void;
  /** Throws when the fold is closing. */
  readonly checkOpen: () => void;
}

export interface Replayed {
  readonly offsets: readonly bigint[];
  readonly marks: readonly (string | null)[];
  readonly lastEpochs: readonly number[];
  readonly skips: readonly Skip[];
}

export async function foldFromStart<State>(options: ReplayOptions<State>): Promise<Replayed> {
  const { log, description, rebuild, recordsMax, reduceAll, onDamage, checkOpen } = options;
  const { topic } = description;
  const skips: Skip[] = [];
  const offsets: bigint[] = [];
  const marks: (string | null)[] = [];
  const lastEpochs: number[] = [];
  for (const { partition, logStartOffset, highWatermark } of description.partitions) {
    let offset = logStartOffset;
    let lastEpoch = unknownEpoch;
    marks[partition] = null;
    while (offset < highWatermark) {
      checkOpen();
      const bytesMax = defaults.replayReadBytes;
      const step = await readOn(log, { topic, partition, offset, lastEpoch, bytesMax }, onDamage);
      for (const { records } of slices({ ...step, partition, highWatermark }, recordsMax)) {
        if (records.length === 0) break;
        await rebuild.prepare?.(records);
        await rebuild.apply((state) => reduceAll(state, records, skips));
        await nextTurn();
      }
      const last = step.records.at(-1);
      if (last !== undefined) marks[partition] = markOf(last);
      offset = step.nextOffset;
      lastEpoch = step.lastEpoch;
    }
    offsets[partition] = offset;
    lastEpochs[partition] = lastEpoch;
  }
  return { offsets, marks, lastEpochs, skips };
}
