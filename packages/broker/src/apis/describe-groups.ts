// DescribeGroups: the state of groups and who is in them. What their members say of themselves, and have to read, is told while
// the group is stable; at other times it is on its way to be something else.
import { noBytes, type KafkaErrorName } from '@throughline/wire';
import { describeGroupsApi, type DescribedGroup } from '@throughline/wire/apis';
import type { Group } from '../groups/group.ts';
import { groupOperations, operationsNotAsked } from './authorized-operations.ts';
import { coordinatorError } from './group-requests.ts';
import { handler } from './handler.ts';
import { shortened } from './problem.ts';

export const describeGroups = handler({
  api: describeGroupsApi,
  handle: (services, request) => {
    const { body, version } = request;
    const groups = body.groups.map((groupId) => {
      const rejection = coordinatorError(services, request, groupId);
      if (rejection !== undefined) return unknown(groupId, '', rejection, null);
      const group = services.groups.group(groupId);
      const described = group === undefined ? noGroup(groupId, version) : describe(group);
      const isAsked = body.includeAuthorizedOperations && described.errorCode === 'NONE';
      return { ...described, authorizedOperations: isAsked ? groupOperations : operationsNotAsked };
    });
    return { groups };
  },
  failed: ({ body }, errorCode) => ({ groups: body.groups.map((groupId) => unknown(groupId, '', errorCode, null)) }),
});

function describe(group: Group): DescribedGroup {
  const isStable = group.state === 'Stable';
  return {
    errorCode: 'NONE',
    errorMessage: null,
    groupId: group.groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: Array.from(group.members.values(), (member) => ({
      ...member.identity,
      memberMetadata: isStable ? member.metadata(group.protocolName) : noBytes,
      memberAssignment: member.assignment,
    })),
  };
}

/** From version 6 on a group that is not there is an error; before, it was a dead one. */
function noGroup(groupId: string, version: number): DescribedGroup {
  return version >= 6
    ? unknown(groupId, 'Dead', 'GROUP_ID_NOT_FOUND', shortened(`Group ${groupId} not found.`))
    : unknown(groupId, 'Dead', 'NONE', null);
}

function unknown(
  groupId: string,
  groupState: string,
  errorCode: KafkaErrorName,
  errorMessage: string | null,
): DescribedGroup {
  return { errorCode, errorMessage, groupId, groupState, protocolType: '', protocolData: '', members: [] };
}
