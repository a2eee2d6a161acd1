// OffsetDelete (KIP-496): offsets of topics that no member of the group reads. What it does: groups/group-offsets.ts.
import { offsetDeleteApi, type OffsetDeleteResponse } from '@throughline/wire/apis';
import { storeErrorOf } from '../groups/group-answers.ts';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';
import { TopicResults } from './topic-results.ts';

export const offsetDelete = handler({
  api: offsetDeleteApi,
  handle: async (services, request): Promise<OffsetDeleteResponse> => {
    const { groupId, topics } = request.body;
    const rejection = groupId === '' ? 'INVALID_GROUP_ID' : coordinatorError(services, request, groupId);
    if (rejection !== undefined) return { errorCode: rejection, topics: [] };
    const results = new TopicResults();
    const known: { readonly asked: (typeof topics)[number]; readonly topic: string; readonly partition: number }[] = [];
    for (const asked of topics) {
      const { name, partitions } = asked;
      const partitionCount = services.broker.findTopic(name)?.partitionCount ?? 0;
      for (const { partitionIndex } of partitions) {
        if (partitionIndex >= 0 && partitionIndex < partitionCount)
          known.push({ asked, topic: name, partition: partitionIndex });
        else results.add(asked, { partitionIndex, errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' });
      }
    }
    try {
      const errors = await services.groups.offsets.delete(groupId, known);
      if (typeof errors === 'string') return { errorCode: errors, topics: [] };
      known.forEach(({ asked, partition }, index) => {
        results.add(asked, { partitionIndex: partition, errorCode: errors[index]! });
      });
      return { errorCode: 'NONE', topics: results.topics };
    } catch (error) {
      services.logger.warn({ groupId, error }, 'offsets could not be deleted');
      return { errorCode: storeErrorOf(error), topics: [] };
    }
  },
  failed: (_request, errorCode) => ({ errorCode, topics: [] }),
});
