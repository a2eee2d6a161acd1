// OffsetCommit: answered when the offsets are durable. Topics come by name, from version 10 on by id (KIP-848). What is asked of
// a topic or partition that is not there is answered here; the rest goes to groups/group-offsets.ts.
import type { KafkaErrorName, Read } from '@throughline/wire';
import { offsetCommitApi, type OffsetCommitRequest, type OffsetCommitResponse } from '@throughline/wire/apis';
import type { Broker, TopicMetadata } from '../topics/broker.ts';
import { storeErrorOf } from '../groups/group-answers.ts';
import type { OffsetToCommit } from '../groups/group-offsets.ts';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';
import { TopicResults } from './topic-results.ts';

/** What clients send who want the broker's retention (versions 2–4). */
const defaultRetentionMs = -1n;

export const offsetCommit = handler({
  api: offsetCommitApi,
  handle: async (services, request) => {
    const { body, version } = request;
    const { groupId, memberId, groupInstanceId, retentionTimeMs } = body;
    const results = new TopicResults();
    const offsets = knownOffsets(services.broker, body, version, results);
    if (offsets.length === 0) return { topics: results.topics };
    const rejection = coordinatorError(services, request, groupId);
    if (rejection !== undefined) return failed(body, rejection);
    try {
      const errors = await services.groups.offsets.commit({
        groupId,
        generationId: body.generationIdOrMemberEpoch,
        memberId,
        groupInstanceId,
        retentionMs: retentionTimeMs === defaultRetentionMs ? undefined : Number(retentionTimeMs),
        knowsGroupIdNotFound: version >= 9,
        offsets,
      });
      if (typeof errors === 'string') return failed(body, errors);
      offsets.forEach(({ asked, partition }, index) => {
        results.add(asked, { partitionIndex: partition, errorCode: errors[index]! });
      });
      return { topics: results.topics };
    } catch (error) {
      services.logger.warn({ groupId, error }, 'offsets could not be committed');
      return failed(body, storeErrorOf(error));
    }
  },
  failed: ({ body }, errorCode) => failed(body, errorCode),
});

type AskedTopic = Read<OffsetCommitRequest>['topics'][number];

/** The offsets for partitions that there are; the others get their error. */
function knownOffsets(
  broker: Broker,
  body: Read<OffsetCommitRequest>,
  version: number,
  results: TopicResults,
): readonly (OffsetToCommit & { readonly asked: AskedTopic })[] {
  const offsets: (OffsetToCommit & { readonly asked: AskedTopic })[] = [];
  for (const asked of body.topics) {
    const { name, topicId, partitions } = asked;
    const found: TopicMetadata | undefined = version >= 10 ? broker.findTopicById(topicId) : broker.findTopic(name);
    const unknown = version >= 10 && found === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
    for (const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } of partitions) {
      if (found === undefined || partitionIndex < 0 || partitionIndex >= found.partitionCount) {
        results.add(asked, { partitionIndex, errorCode: unknown });
        continue;
      }
      offsets.push({
        asked,
        topic: found.topic,
        topicId: found.topicId,
        partition: partitionIndex,
        offset: committedOffset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata ?? '',
      });
    }
  }
  return offsets;
}

function failed({ topics }: Read<OffsetCommitRequest>, errorCode: KafkaErrorName): OffsetCommitResponse {
  const all = topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }));
  return { topics: all };
}
