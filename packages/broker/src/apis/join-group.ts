// JoinGroup (KIP-62, KIP-345, KIP-394, KIP-800, KIP-814): answered when the generation begins. What it does: groups/joins.ts.
import { joinGroupApi, type JoinGroupResponse } from '@throughline/wire/apis';
import { rejectedJoin } from '../groups/group-answers.ts';
import { coordinatorError, whileConnected } from './group-requests.ts';
import { handler } from './handler.ts';

export const joinGroup = handler({
  api: joinGroupApi,
  handle: async (services, request) => {
    const { body, clientHost, clientId, signal, version } = request;
    const { groupId, memberId, sessionTimeoutMs } = body;
    const rejection = groupId === '' ? undefined : coordinatorError(services, request, groupId);
    if (rejection !== undefined) return inVersion(version, rejectedJoin(rejection, memberId));
    const joined = services.groups.join(groupId, {
      memberId,
      groupInstanceId: body.groupInstanceId,
      clientId: clientId ?? '',
      clientHost,
      protocolType: body.protocolType,
      // They are kept for as long as the member is: not together with the frame that they came in.
      protocols: body.protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) })),
      // Before version 1 a session was also the time for a rebalance.
      rebalanceTimeoutMs: version === 0 ? sessionTimeoutMs : body.rebalanceTimeoutMs,
      sessionTimeoutMs,
      reason: body.reason,
      needsMemberId: version >= 4,
      canSkipAssignment: version >= 9,
    });
    return inVersion(version, await whileConnected(joined, signal, rejectedJoin('NOT_COORDINATOR', memberId)));
  },
  failed: ({ body, version }, errorCode) => inVersion(version, rejectedJoin(errorCode, body.memberId)),
});

/** Before version 7 there is always a protocol, and be it an empty one. */
function inVersion(version: number, response: JoinGroupResponse): JoinGroupResponse {
  return version < 7 && response.protocolName === null ? { ...response, protocolName: '' } : response;
}
