// Where a mapping begins in a partition: where its group has come to, else where the configuration says.
//
// LATEST means what comes after the mapping: in a partition that was added later, and in a topic that was made or made again later,
// that is every record.
import { ThroughlineError } from '@throughline/event';
import { unknownEpoch, type TopicDescription } from '@throughline/log';
import type { Committed, CommitNote } from './mapping-group.ts';
import type { MappingConfig } from './mapping-config.ts';
import type { Place } from './offset-tracker.ts';

export interface StartRequest {
  readonly partition: number;
  readonly description: TopicDescription;
  /** The topic when the mapping was started; undefined where there was none. */
  readonly first: TopicDescription | undefined;
  readonly committed: readonly Committed[];
  /** Where a break in the history has left it. */
  readonly resume: Place | undefined;
  readonly config: Pick<MappingConfig, 'startingPosition' | 'startingPositionTimestamp'>;
  readonly offsetForTime: (timestampMs: number) => Promise<bigint>;
}

export interface Start {
  readonly place: Place;
  readonly note: CommitNote;
  /** The group has to be told of it. */
  readonly isNew: boolean;
  /** Offsets that were to come next and are gone. */
  readonly removedCount: bigint;
}

/** @throws ThroughlineError UNKNOWN_TOPIC, what `offsetForTime` throws */
export async function startIn(request: StartRequest): Promise<Start> {
  const { partition, description, first, committed, resume } = request;
  const { topic, topicId, partitions } = description;
  const found = partitions[partition];
  if (found === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${partition} is not there`);
  const notes = committed.flatMap(({ note }) => (note === undefined ? [] : [note]));
  const known = notes.find((note) => note.topicId === topicId);
  const isOld = notes.length === 0 && first?.topicId === topicId;
  const partitionCount = known?.partitionCount ?? (isOld ? first.partitions.length : 0);
  const note = { topicId, partitionCount };
  const mine = committed.find((each) => each.partition === partition);
  const isMine = mine !== undefined && (mine.note === undefined || mine.note.topicId === topicId);
  // What is resumed was in this incarnation of the topic, if its group has committed in it.
  const place = isMine ? (resume ?? mine) : await firstPlace(request, note, found.logStartOffset);
  const { logStartOffset } = found;
  const { offset, leaderEpoch } = place;
  if (offset >= logStartOffset)
    return { place: { offset, leaderEpoch }, note, isNew: !isMine || resume !== undefined, removedCount: 0n };
  const start = { offset: logStartOffset, leaderEpoch: unknownEpoch };
  return { place: start, note, isNew: true, removedCount: logStartOffset - offset };
}

async function firstPlace(
  request: StartRequest,
  { partitionCount }: CommitNote,
  logStartOffset: bigint,
): Promise<Place> {
  const { partition, description, first, config, offsetForTime } = request;
  const at = (offset: bigint): Place => ({ offset, leaderEpoch: unknownEpoch });
  if (config.startingPosition === 'AT_TIMESTAMP') return at(await offsetForTime(config.startingPositionTimestamp ?? 0));
  if (config.startingPosition === 'TRIM_HORIZON' || partition >= partitionCount) return at(logStartOffset);
  const then = first?.topicId === description.topicId ? first.partitions[partition] : undefined;
  return at((then ?? description.partitions[partition]!).highWatermark);
}
