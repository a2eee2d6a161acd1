// DeleteGroups: groups without members, with all that they have committed. Answered when that is durable.
import { deleteGroupsApi, type DeletableGroupResult } from '@throughline/wire/apis';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';

export const deleteGroups = handler({
  api: deleteGroupsApi,
  handle: async (services, request) => {
    const results: DeletableGroupResult[] = [];
    for (const groupId of new Set(request.body.groupsNames)) {
      const rejection = coordinatorError(services, request, groupId);
      results.push({ groupId, errorCode: rejection ?? (await services.groups.delete(groupId)) });
    }
    return { results };
  },
  failed: ({ body }, errorCode) => ({ results: body.groupsNames.map((groupId) => ({ groupId, errorCode })) }),
});
