// SyncGroup: answered when the leader's assignment is kept. What it does: groups/members.ts.
import { syncGroupApi } from '@throughline/wire/apis';
import { rejectedSync } from '../groups/group-answers.ts';
import { coordinatorError, whileConnected } from './group-requests.ts';
import { handler } from './handler.ts';

export const syncGroup = handler({
  api: syncGroupApi,
  handle: async (services, request) => {
    const { body, signal, version } = request;
    const { generationId, groupId, groupInstanceId, memberId, protocolName, protocolType } = body;
    const rejection = groupId === '' ? undefined : coordinatorError(services, request, groupId);
    if (rejection !== undefined) return rejectedSync(rejection);
    // From version 5 on a client says what it believes to sync (KIP-559).
    if (version >= 5 && (protocolType === null || protocolName === null))
      return rejectedSync('INCONSISTENT_GROUP_PROTOCOL');
    const assignments = new Map(body.assignments.map((one) => [one.memberId, new Uint8Array(one.assignment)]));
    const member = { memberId, groupInstanceId, generationId };
    const synced = services.groups.sync(groupId, { ...member, protocolType, protocolName, assignments });
    return whileConnected(synced, signal, rejectedSync('NOT_COORDINATOR'));
  },
  failed: (_request, errorCode) => rejectedSync(errorCode),
});
