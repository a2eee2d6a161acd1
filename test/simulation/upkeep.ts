// Upkeep beside the workload: settings are changed, retention runs, records are deleted and checkpoints are made without a
// pause, on a topic of its own whose records may go, while that topic is written to as fast as the journal lets it.
import { delay, integerBetween, seededRandom, ThroughlineError, type Random } from '@throughline/event';
import type { Broker, Durability } from '@throughline/broker';
import { batchOf } from '../workload/batches.ts';
import { topicName } from './server.ts';
import type { World } from './world.ts';

const briefTopic = 'brief';
const partitionCount = 3;
const writerCount = 6;
const durabilities: readonly Durability[] = ['fsync', 'os', 'memory'];

/** What a disk that fails or is full, or a process that stops, lets nobody hold against the broker. */
const expected: ReadonlySet<string> = new Set([
  'OUT_OF_DISK',
  'PARTITION_OFFLINE',
  'CLOSED',
  'THROTTLED',
  'UNKNOWN_TOPIC',
  'TOPIC_EXISTS',
  'OFFSET_OUT_OF_RANGE',
  // The clock of the machine jumps.
  'INVALID_TIMESTAMP',
]);

export interface Upkeep {
  /** The broker of this life; what was begun with an earlier one is left alone. */
  use(broker: Broker): void;
  stop(): void;
  /** How often each kind of upkeep has ended well. */
  readonly counts: ReadonlyMap<string, number>;
  /** How many records have been acknowledged by the topic of its own. */
  readonly appendCount: number;
  /** Failures that have no excuse. */
  readonly defects: readonly string[];
}

export function upkeepOf(world: World, seed: number): Upkeep {
  const random = seededRandom(seed * 11 + 5);
  const counts = new Map<string, number>();
  const defects: string[] = [];
  let appendCount = 0;
  let current: Broker | undefined;
  const isCurrent = (broker: Broker): boolean => current === broker;
  const attempt = async (broker: Broker, what: string, action: () => Promise<unknown>): Promise<void> => {
    try {
      await action();
      counts.set(what, (counts.get(what) ?? 0) + 1);
    } catch (error) {
      // The disk of a process that has died fails it in ways of its own.
      const isExcused = ThroughlineError.is(error)
        ? expected.has(error.code)
        : /^E[A-Z]+:/.test((error as Error).message);
      if (!isExcused && isCurrent(broker)) defects.push(`${what}: ${String((error as Error).stack)}`);
    }
  };
  const upkeep = async (broker: Broker): Promise<void> => {
    while (isCurrent(broker)) {
      const [what, action] = nextAction(broker, random);
      await attempt(broker, what, action);
      await delay(world.clock, random.float() * 3);
    }
  };
  const write = async (broker: Broker, writer: number): Promise<void> => {
    while (isCurrent(broker)) {
      await attempt(broker, 'append', async () => {
        const values = Array.from({ length: 40 }, () => integerBetween(random, 0, 1e9));
        const batch = batchOf(values, world.clock.nowMs() - 1000);
        await broker.partition(briefTopic, writer % partitionCount).append(batch);
        appendCount++;
      });
      // Where nothing waits for the disk, too, time has to pass.
      await delay(world.clock, random.float() * 2);
    }
  };
  return {
    use(broker) {
      current = broker;
      void attempt(broker, 'make', async () => {
        if (broker.findTopic(briefTopic) === undefined) {
          const config = { durability: 'fsync', segmentBytes: 1024, retentionMs: 1 } as const;
          await broker.createTopic(briefTopic, { partitions: partitionCount, config });
        }
        void upkeep(broker);
        for (let writer = 0; writer < writerCount; writer++) void write(broker, writer);
      });
    },
    stop() {
      current = undefined;
    },
    counts,
    get appendCount() {
      return appendCount;
    },
    defects,
  };
}

function nextAction(broker: Broker, random: Random): readonly [string, () => Promise<unknown>] {
  const number = integerBetween(random, 1024, 4096);
  const partition = integerBetween(random, 0, partitionCount - 1);
  const durability = durabilities[integerBetween(random, 0, durabilities.length - 1)]!;
  const actions: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['change of a setting', () => broker.alterTopic(topicName, { segmentBytes: number })],
    ['change of a setting', () => broker.alterTopic(briefTopic, { segmentBytes: number })],
    ['change of the durability', () => broker.alterTopic(briefTopic, { durability })],
    ['change of the broker', () => broker.alterBrokerSettings('', new Map([['log.roll.ms', String(number * 1000)]]))],
    ['retention', () => broker.runRetention()],
    ['retention', () => broker.runRetention()],
    ['checkpoint', () => broker.checkpoint()],
    [
      'deletion of records',
      async () => {
        const log = broker.partition(briefTopic, partition);
        await log.deleteRecords(log.highWatermark);
      },
    ],
    ['look-up by time', () => broker.partition(briefTopic, partition).maxTimestampOffset()],
  ];
  return actions[integerBetween(random, 0, actions.length - 1)]!;
}
