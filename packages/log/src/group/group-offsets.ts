// Committed offsets of consumer groups: what a group has committed, and commits on its behalf while none of its members is
// there (OffsetFetch, OffsetCommit).
import type { Api, Read } from '@throughline/wire';
import { offsetCommitApi, offsetFetchApi } from '@throughline/wire/apis';
import { failureOf } from '../port/failures.ts';
import type { GroupOffset } from '../port/port.ts';
import { committedTopics } from './committed-topics.ts';

/** Asks the coordinator of a group. */
export type AskGroup = <Request, Response>(api: Api<Request, Response>, request: Request) => Promise<Read<Response>>;

/** From version 10 on topics are told by id; names are enough here, and every broker has them. */
const byName = {
  offsetFetch: { ...offsetFetchApi, versionMax: 9 },
  offsetCommit: { ...offsetCommitApi, versionMax: 9 },
};

/** What a group has committed, of all topics. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export async function committedOffsets(ask: AskGroup, groupId: string): Promise<readonly GroupOffset[]> {
  const groups = [{ groupId, topics: null }];
  const answer = await ask(byName.offsetFetch, { groupId, topics: null, groups });
  const { errorCode, topics } = answer.groups[0] ?? answer;
  if (errorCode !== 'NONE') throw failureOf(errorCode, `offsets of group ${groupId}`);
  const offsets: GroupOffset[] = [];
  for (const { name: topic, partitions } of topics) {
    for (const { partitionIndex: partition, committedOffset: offset, errorCode: code, ...found } of partitions) {
      if (code !== 'NONE') throw failureOf(code, `offset of group ${groupId} in ${topic}-${partition}`);
      const { metadata, committedLeaderEpoch: leaderEpoch } = found;
      const epoch = leaderEpoch < 0 ? {} : { leaderEpoch };
      if (offset >= 0n) offsets.push({ topic, partition, offset, metadata, ...epoch });
    }
  }
  return offsets;
}

/**
 * Commits for a group that has no members.
 *
 * @throws ThroughlineError LOG_REFUSED while members are there; LOG_UNREACHABLE
 */
export async function commitOffsets(ask: AskGroup, groupId: string, offsets: readonly GroupOffset[]): Promise<void> {
  const { topics } = await ask(byName.offsetCommit, { groupId, memberId: '', topics: committedTopics(offsets) });
  for (const { name, partitions } of topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      if (errorCode === 'NONE') continue;
      throw failureOf(errorCode, `commit of group ${groupId} in ${name}-${partitionIndex}`);
    }
  }
}
