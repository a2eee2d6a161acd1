// Offsets of a group in the form in which OffsetCommit takes them: by topics, named.
import type { OffsetCommitRequestTopic } from '@throughline/wire/apis';
import type { GroupOffset } from '../port/port.ts';

export function committedTopics(offsets: readonly GroupOffset[]): readonly OffsetCommitRequestTopic[] {
  const topics = Map.groupBy(offsets, ({ topic }) => topic);
  return Array.from(topics, ([name, list]) => ({
    name,
    partitions: list.map(({ partition: partitionIndex, offset: committedOffset, leaderEpoch = -1, metadata = '' }) => ({
      partitionIndex,
      committedOffset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }));
}
