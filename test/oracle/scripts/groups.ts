import {
  deleteGroupsApi,
  describeGroupsApi,
  findCoordinatorApi,
  heartbeatApi,
  joinGroupApi,
  listGroupsApi,
  offsetCommitApi,
  offsetDeleteApi,
  offsetFetchApi,
} from '@throughline/wire/apis';
import type { Side } from '../side.ts';
import { GroupTalk, subscription, type Joined } from './group-talk.ts';
import { versionsOf, type Script } from './script.ts';

const unknownId = `${'0'.repeat(31)}7`;

export const coordinators: Script = {
  name: 'coordinators',
  async run(side) {
    await side.coordinated('found');
    for (const version of versionsOf(findCoordinatorApi)) {
      const find = (what: string, keyType: number, ...keys: readonly string[]): Promise<unknown> =>
        side.call(what, findCoordinatorApi, version, { key: keys[0] ?? '', keyType, coordinatorKeys: keys });
      await find('a group', 0, 'found');
      await find('no name', 0, '');
      if (version >= 4) await find('several groups', 0, 'found', 'other', 'found');
      if (version >= 4) await find('no groups', 0);
      if (version >= 1) await find('an unknown kind', 9, 'found');
    }
  },
};

export const committedOffsets: Script = {
  name: 'committed offsets',
  async run(side) {
    await side.topic('committed', 3);
    await side.topic('committed-other', 1);
    for (const version of versionsOf(offsetCommitApi)) {
      const groupId = `committing-${version}`;
      await side.coordinated(groupId);
      const commit = (
        what: string,
        offsets: readonly (readonly [topic: string, partition: number, offset: bigint, metadata?: string | null])[],
        rest: { memberId?: string; generationIdOrMemberEpoch?: number; groupId?: string } = {},
      ): Promise<unknown> =>
        side.call(what, offsetCommitApi, version, {
          groupId,
          generationIdOrMemberEpoch: -1,
          memberId: '',
          topics: offsets.map(([name, partitionIndex, committedOffset, committedMetadata = '']) => ({
            name,
            topicId: side.topicIds.get(name) ?? unknownId,
            partitions: [
              { partitionIndex, committedOffset, committedLeaderEpoch: version % 2 === 0 ? 0 : -1, committedMetadata },
            ],
          })),
          ...rest,
        });
      await commit('offsets', [
        ['committed', 0, 5n, 'note'],
        ['committed', 2, 7n, null],
        ['committed-other', 0, 0n],
      ]);
      await commit('an unknown topic', [
        ['committed-unknown', 0, 1n],
        ['committed', 1, 3n],
      ]);
      await commit('an unknown partition', [['committed', 9, 1n]]);
      await commit('long metadata', [
        ['committed', 1, 4n, 'x'.repeat(4097)],
        ['committed', 0, 6n, 'y'.repeat(4096)],
      ]);
      await commit('a negative offset', [['committed', 1, -5n]]);
      await commit('nothing', []);
      await commit('a generation that there is not', [['committed', 1, 9n]], { generationIdOrMemberEpoch: 3 });
      await commit('a member that there is not', [['committed', 1, 9n]], {
        memberId: 'nobody',
        generationIdOrMemberEpoch: 1,
      });
      await commit('no group', [['committed', 1, 9n]], { groupId: '' });
      for (const fetchVersion of versionsOf(offsetFetchApi)) {
        if (version !== 9 && fetchVersion !== 9) continue;
        await fetchOffsets(side, groupId, fetchVersion);
      }
      await deleteOffsets(side, groupId);
    }
    for (const version of versionsOf(deleteGroupsApi)) {
      const groupId = `committing-${version + 2}`;
      await side.call('groups', deleteGroupsApi, version, { groupsNames: [groupId, 'no-such-group', ''] });
      await side.call('a group twice', deleteGroupsApi, version, { groupsNames: [groupId, groupId] });
      await side.call('no groups', deleteGroupsApi, version, { groupsNames: [] });
    }
  },
};

async function fetchOffsets(side: Side, groupId: string, version: number): Promise<void> {
  type Asked = readonly (readonly [topic: string, ...partitions: number[]])[] | null;
  const ask = (what: string, topics: Asked, group = groupId, requireStable = version % 2 === 0): Promise<unknown> => {
    const named = topics?.map(([name, ...partitionIndexes]) => ({
      name,
      topicId: side.topicIds.get(name) ?? unknownId,
      partitionIndexes,
    }));
    return side.call(what, offsetFetchApi, version, {
      groupId: group,
      topics: named ?? null,
      groups: [{ groupId: group, topics: named ?? null }],
      requireStable,
    });
  };
  await ask('some', [
    ['committed', 0, 1, 2],
    ['committed-other', 0],
  ]);
  await ask('unknown partitions', [
    ['committed', 9],
    ['committed-unknown', 0],
  ]);
  if (version >= 2) await ask('all', null);
  await ask('no topics', []);
  await ask('of an unknown group', [['committed', 0]], 'no-such-group');
  if (version >= 2) await ask('all of an unknown group', null, 'no-such-group');
  if (version >= 8) {
    await side.call('of two groups', offsetFetchApi, version, {
      groups: [groupId, 'no-such-group'].map((group) => ({ groupId: group, topics: null })),
    });
    await side.call('of a member that there is not', offsetFetchApi, version, {
      groups: [{ groupId, topics: null, memberId: 'nobody', memberEpoch: 3 }],
    });
  }
}

async function deleteOffsets(side: Side, groupId: string): Promise<void> {
  const remove = (
    what: string,
    topics: readonly (readonly [string, ...number[]])[],
    group = groupId,
  ): Promise<unknown> =>
    side.call(what, offsetDeleteApi, 0, {
      groupId: group,
      topics: topics.map(([name, ...partitions]) => ({
        name,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
      })),
    });
  await remove('an offset', [['committed', 2]]);
  await remove('what is not there', [
    ['committed', 2, 9],
    ['committed-unknown', 0],
  ]);
  await remove('of an unknown group', [['committed', 0]], 'no-such-group');
  await remove('of no group', [['committed', 0]], '');
  await fetchOffsets(side, groupId, 8);
}

export const classicGroups: Script = {
  name: 'classic groups',
  async run(side) {
    await side.topic('grouped', 2);
    for (const version of versionsOf(joinGroupApi)) {
      const groupId = `classic-${version}`;
      await side.coordinated(groupId);
      const talk = new GroupTalk(side, groupId, version);
      await talk.look('before');
      const first = await talk.join('the first member', 'a');
      await talk.look('while it prepares');
      await talk.sync('the leader assigns', 'a', first, [first?.memberId ?? '']);
      await talk.look('with one member');
      await talk.heartbeat('a heartbeat', 'a', first);
      await talk.heartbeat('of another generation', 'a', first, { generationId: 99 });
      await talk.heartbeat('of nobody', 'a', first, { memberId: 'nobody' });
      await talk.heartbeat('in no group', 'a', first, { groupId: '' });
      await talk.heartbeat('in another group', 'a', first, { groupId: 'no-such-group' });
      await talk.sync('again', 'a', first, []);
      await talk.sync('of another generation', 'a', first, [], { generationId: 99 });
      await talk.sync('of nobody', 'a', first, [], { memberId: 'nobody' });
      await talk.sync('with another protocol', 'a', first, [], { protocolName: 'sticky' });
      await talk.sync('with another kind of protocol', 'a', first, [], { protocolType: 'connect' });
      await talk.join('another kind of group', 'x', '', { protocolType: 'connect' });
      await talk.join('no protocol in common', 'x', '', {
        protocols: [{ name: 'sticky', metadata: subscription('grouped', 's') }],
      });
      await talk.join('no protocols', 'x', '', { protocols: [] });
      await talk.join('no kind of group', 'x', '', { protocolType: '' });
      await talk.join('as nobody', 'x', 'nobody');
      await talk.join('a session that is too short', 'x', '', { sessionTimeoutMs: 10 });
      await talk.join('a session that is too long', 'x', '', { sessionTimeoutMs: 2_000_000 });
      await talk.join('no group', 'x', '', { groupId: '' });
      await commits(talk, first);
      const second = talk.join('a second member', 'b');
      await side.until('a rebalance', async () => {
        const beat = { groupId, generationId: first?.generationId ?? 0, memberId: first?.memberId ?? '' };
        return (await side.ask(heartbeatApi, 4, beat)).errorCode === 'REBALANCE_IN_PROGRESS' ? true : undefined;
      });
      await talk.heartbeat('a heartbeat in the rebalance', 'a', first);
      const again = await talk.join('the first member again', 'a', first?.memberId);
      const joined = await second;
      const members = [again?.memberId ?? '', joined?.memberId ?? ''];
      const follows = talk.sync('the follower waits', 'b', joined);
      await talk.sync('the leader assigns both', 'a', again, members);
      await follows;
      await talk.look('with two members');
      await talk.heartbeat('of the follower', 'b', joined);
      await talk.leave('the follower leaves', 'b', joined?.memberId ?? '');
      await talk.heartbeat('of who left', 'b', joined);
      await talk.heartbeat('of who stays', 'a', again);
      const alone = await talk.join('alone again', 'a', again?.memberId);
      await talk.sync('and assigned', 'a', alone, [alone?.memberId ?? '']);
      await side.call('a group with members', deleteGroupsApi, 2, { groupsNames: [groupId] });
      await talk.leave('nobody leaves', 'a', 'nobody');
      await talk.leave('the last leaves', 'a', alone?.memberId ?? '');
      await talk.look('in the end');
      await side.call('the empty group', deleteGroupsApi, 2, { groupsNames: [groupId] });
      await talk.look('when it is gone');
    }
  },
};

/** Commits of a member, and of those that are none. */
async function commits({ side, groupId }: GroupTalk, joined: Joined): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: 2n, committedMetadata: 'm' }];
  const commit = (
    what: string,
    rest: { memberId?: string; generationIdOrMemberEpoch?: number } = {},
  ): Promise<unknown> =>
    side.call(what, offsetCommitApi, 8, {
      groupId,
      generationIdOrMemberEpoch: joined?.generationId ?? -1,
      memberId: joined?.memberId ?? '',
      topics: [{ name: 'grouped', partitions }],
      ...rest,
    });
  await commit('of a member');
  await commit('of another generation', { generationIdOrMemberEpoch: 77 });
  await commit('of nobody', { memberId: 'nobody' });
  await commit('from outside', { memberId: '', generationIdOrMemberEpoch: -1 });
  await side.call('of a group with members', offsetDeleteApi, 0, {
    groupId,
    topics: [{ name: 'grouped', partitions: [{ partitionIndex: 0 }] }],
  });
}

export const staticMembers: Script = {
  name: 'static members',
  async run(side) {
    for (const version of versionsOf(joinGroupApi).filter((one) => one >= 5)) {
      const groupId = `static-${version}`;
      await side.coordinated(groupId);
      const talk = new GroupTalk(side, groupId, version);
      const as = { groupInstanceId: 'one' };
      const first = await talk.join('a static member', 'a', '', as);
      await talk.sync('assigned', 'a', first, [first?.memberId ?? ''], as);
      await talk.look('with a static member');
      const back = await talk.join('it comes back', 'b', '', as);
      await talk.sync('assigned as before', 'b', back, [], as);
      await talk.heartbeat('its old self', 'a', first, as);
      await talk.join('its old self joins', 'a', first?.memberId, as);
      await talk.sync('its old self syncs', 'a', first, [], as);
      await talk.heartbeat('its new self', 'b', back, as);
      await talk.heartbeat('an unknown instance', 'b', back, { groupInstanceId: 'two' });
      await talk.look('when it is back');
      await talk.leave('an unknown instance leaves', 'b', '', 'two');
      await talk.leave('its old self leaves', 'a', first?.memberId ?? '', 'one');
      await talk.leave('it leaves', 'b', '', 'one');
      await talk.look('without it');
    }
  },
};

export const listedGroups: Script = {
  name: 'listed groups',
  async run(side) {
    await side.topic('listing', 1);
    await side.coordinated('listed-simple');
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }];
    await side.ask(offsetCommitApi, 8, {
      groupId: 'listed-simple',
      memberId: '',
      topics: [{ name: 'listing', partitions }],
    });
    for (const version of versionsOf(listGroupsApi)) {
      for (const [what, statesFilter, typesFilter] of [
        ['all', [], []],
        ['empty ones', ['Empty'], []],
        ['stable ones', ['stable'], []],
        ['an unknown state', ['Asleep'], []],
        ['classic ones', [], ['classic']],
        ['consumer ones', [], ['Consumer']],
        ['an unknown type', [], ['odd']],
      ] as const) {
        if ((version < 4 && statesFilter.length > 0) || (version < 5 && typesFilter.length > 0)) continue;
        const list = await side.ask(listGroupsApi, version, { statesFilter, typesFilter });
        const groups = list.groups.filter(({ groupId }) => groupId === 'listed-simple');
        side.note(what, listGroupsApi, version, { ...list, groups });
      }
    }
    for (const version of versionsOf(describeGroupsApi)) {
      await side.call('groups', describeGroupsApi, version, {
        groups: ['listed-simple', 'no-such-group', ''],
        includeAuthorizedOperations: true,
      });
    }
  },
};

export const groupScripts: readonly Script[] = [
  coordinators,
  committedOffsets,
  classicGroups,
  staticMembers,
  listedGroups,
];
