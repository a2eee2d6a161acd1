// LeaveGroup (KIP-345): one member, from version 3 on several at a time. What it does: groups/members.ts.
import type { Read } from '@throughline/wire';
import { leaveGroupApi, type LeaveGroupRequest, type LeaveGroupResponse } from '@throughline/wire/apis';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';

export const leaveGroup = handler({
  api: leaveGroupApi,
  handle: (services, request) => {
    const { body, version } = request;
    const { groupId } = body;
    const rejection = groupId === '' ? 'INVALID_GROUP_ID' : coordinatorError(services, request, groupId);
    if (rejection !== undefined) return { errorCode: rejection, members: [] };
    const leaving = version < 3 ? [{ memberId: body.memberId }] : body.members;
    return inVersion(version, services.groups.leave(groupId, leaving) ?? noGroup(body, version));
  },
  failed: (_request, errorCode) => ({ errorCode, members: [] }),
});

function noGroup(body: Read<LeaveGroupRequest>, version: number): LeaveGroupResponse {
  const leaving = version < 3 ? [{ memberId: body.memberId, groupInstanceId: null }] : body.members;
  return {
    errorCode: 'NONE',
    members: leaving.map(({ memberId, groupInstanceId }) => ({
      memberId,
      groupInstanceId,
      errorCode: 'UNKNOWN_MEMBER_ID',
    })),
  };
}

/** Before version 3 there is one member, and its error is that of the request. */
function inVersion(version: number, response: LeaveGroupResponse): LeaveGroupResponse {
  return version < 3 ? { errorCode: response.members?.[0]?.errorCode ?? response.errorCode } : response;
}
