// Heartbeat: a member is there. What it does: groups/members.ts.
import { heartbeatApi } from '@throughline/wire/apis';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';

export const heartbeat = handler({
  api: heartbeatApi,
  handle: (services, request) => {
    const { generationId, groupId, groupInstanceId, memberId } = request.body;
    const rejection = groupId === '' ? undefined : coordinatorError(services, request, groupId);
    if (rejection !== undefined) return { errorCode: rejection };
    const error = services.groups.heartbeat(groupId, { memberId, groupInstanceId, generationId });
    return { errorCode: error };
  },
  failed: (_request, errorCode) => ({ errorCode }),
});
