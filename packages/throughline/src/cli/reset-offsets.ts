// Where the offsets of a group would go: `throughline groups reset`. An offset that is not there becomes the nearest one that is,
// as kafka-consumer-groups.sh has it.
import { ThroughlineError } from '@throughline/event';
import type { GroupOffset, KafkaCluster } from '@throughline/log';
import { countOption, textOption, timeOption, type Options } from './options.ts';

export interface OffsetReset {
  readonly topic: string;
  readonly partition: number;
  /** What is committed; undefined for nothing. */
  readonly from: bigint | undefined;
  readonly to: bigint;
}

interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly committed: bigint | undefined;
}

type Target = (range: Range) => bigint | Promise<bigint>;

export interface ResetPlan {
  /** The time that was asked for, where one was. */
  readonly timeMs: number | undefined;
  readonly resets: readonly OffsetReset[];
}

/** @throws ThroughlineError INVALID_ARGUMENT unless the options name one target; UNKNOWN_TOPIC, UNKNOWN_GROUP */
export async function plannedResets(cluster: KafkaCluster, groupId: string, options: Options): Promise<ResetPlan> {
  const timeMs = timeOption(options, 'toTime');
  const target = targetOf(cluster, options, timeMs);
  const committed = await cluster.committedOffsets(groupId);
  // Topics that are named can be committed for a group that is yet to come; without them a name that nobody has is a slip.
  if (committed.length === 0 && textOption(options, 'topics') === undefined) await cluster.describeGroup(groupId);
  const resets: OffsetReset[] = [];
  for (const range of await rangesOf(cluster, options, committed)) {
    const { topic, partition, start, end, committed: from } = range;
    const wanted = await target(range);
    resets.push({ topic, partition, from, to: wanted < start ? start : wanted > end ? end : wanted });
  }
  return { timeMs, resets };
}

/** The partitions that are meant, each with where it begins and ends. */
async function rangesOf(
  { log }: KafkaCluster,
  options: Options,
  committed: readonly GroupOffset[],
): Promise<readonly Range[]> {
  const named = textOption(options, 'topics')?.split(',');
  const topics = named ?? [...new Set(committed.map(({ topic }) => topic))].toSorted();
  const only = countOption(options, 'partition');
  if (only !== undefined && topics.length !== 1) {
    throw new ThroughlineError('INVALID_ARGUMENT', '--partition is of one topic; name it with --topics');
  }
  const ranges: Range[] = [];
  for (const topic of topics) {
    const { partitions } = await log.admin.describeTopic(topic);
    if (only !== undefined && partitions[only] === undefined) {
      throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${only}`);
    }
    const isCommitted = (partition: number): GroupOffset | undefined =>
      committed.find((one) => one.topic === topic && one.partition === partition);
    for (const { partition, logStartOffset: start, highWatermark: end } of partitions) {
      const found = isCommitted(partition);
      // Topics that are named are reset whole, also where nothing is committed yet.
      const isMeant = only === undefined ? named !== undefined || found !== undefined : partition === only;
      if (isMeant) ranges.push({ topic, partition, start, end, committed: found?.offset });
    }
  }
  return ranges;
}

function targetOf({ log }: KafkaCluster, options: Options, timeMs: number | undefined): Target {
  const targets: Target[] = [];
  if (options['toEarliest'] === true) targets.push(({ start }) => start);
  if (options['toLatest'] === true) targets.push(({ end }) => end);
  const offset = countOption(options, 'toOffset');
  if (offset !== undefined) targets.push(() => BigInt(offset));
  if (timeMs !== undefined) targets.push(({ topic, partition }) => log.admin.offsetForTime(topic, partition, timeMs));
  const shift = shiftOf(options);
  if (shift !== undefined) targets.push(({ committed, start }) => (committed ?? start) + shift);
  const [target, other] = targets;
  if (target !== undefined && other === undefined) return target;
  const names = '--to-earliest, --to-latest, --to-offset, --to-time, --shift-by';
  throw new ThroughlineError('INVALID_ARGUMENT', `give one of ${names}`);
}

function shiftOf(options: Options): bigint | undefined {
  const text = textOption(options, 'shiftBy');
  if (text === undefined) return undefined;
  if (/^[+-]?\d{1,18}$/.test(text)) return BigInt(text.replace('+', ''));
  throw new ThroughlineError('INVALID_ARGUMENT', `--shift-by: ${JSON.stringify(text)} is no whole number`);
}
