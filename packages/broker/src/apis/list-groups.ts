// ListGroups: the groups that this node coordinates, by states (KIP-518) and types (KIP-848) if asked. All groups here are
// classic ones.
import { listGroupsApi, type ListedGroup, type ListGroupsResponse } from '@throughline/wire/apis';
import { handler } from './handler.ts';

const groupType = 'classic';

export const listGroups = handler({
  api: listGroupsApi,
  handle: ({ groups }, { body, nodeId }): ListGroupsResponse => {
    const states = new Set(body.statesFilter.map((state) => state.toLowerCase()));
    const types = body.typesFilter.map((type) => type.toLowerCase());
    const listed: ListedGroup[] = [];
    if (types.length === 0 || types.includes(groupType)) {
      for (const { groupId, protocolType, state } of groups.groups(nodeId)) {
        if (states.size > 0 && !states.has(state.toLowerCase())) continue;
        listed.push({ groupId, protocolType: protocolType ?? '', groupState: state, groupType });
      }
    }
    return { errorCode: 'NONE', groups: listed };
  },
  failed: (_request, errorCode) => ({ errorCode, groups: [] }),
});
