// The states of a group, and what can happen in each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Timer } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import { GroupMember } from './group-member.ts';
import { Group, type GroupState } from './group.ts';

const terms = {
  protocols: [{ name: 'range', metadata: new Uint8Array(0) }],
  rebalanceTimeoutMs: 1,
  sessionTimeoutMs: 1,
};

function memberOf(memberId: string, reply: (response: JoinGroupResponse) => void = () => {}): GroupMember {
  return GroupMember.joining({ memberId, groupInstanceId: null, clientId: 'c', clientHost: '/h' }, terms, reply);
}

/** A group in each state, with one member where there are members. */
const groups: Readonly<Record<GroupState, () => Group>> = {
  Empty: () => new Group('g', 0),
  PreparingRebalance: () => {
    const group = groups.Empty();
    group.add(memberOf('m'), 'consumer');
    group.prepare(1);
    return group;
  },
  CompletingRebalance: () => {
    const group = groups.PreparingRebalance();
    group.beginGeneration(2);
    return group;
  },
  Stable: () => {
    const group = groups.CompletingRebalance();
    group.assign(new Map([['m', new Uint8Array(3)]]), 3);
    return group;
  },
  Dead: () => {
    const group = groups.Stable();
    group.end('NOT_COORDINATOR', 4);
    return group;
  },
};

const happenings: Readonly<Record<string, readonly [(group: Group) => void, Partial<Record<GroupState, GroupState>>]>> =
  {
    'it prepares': [
      (group) => group.prepare(9),
      { Empty: 'PreparingRebalance', CompletingRebalance: 'PreparingRebalance', Stable: 'PreparingRebalance' },
    ],
    'a generation begins': [(group) => group.beginGeneration(9), { PreparingRebalance: 'CompletingRebalance' }],
    'the work is shared out': [(group) => group.assign(new Map(), 9), { CompletingRebalance: 'Stable' }],
    'it ends': [
      (group) => group.end('NOT_COORDINATOR', 9),
      { Empty: 'Dead', PreparingRebalance: 'Dead', CompletingRebalance: 'Dead', Stable: 'Dead', Dead: 'Dead' },
    ],
  };

for (const [happening, [happen, next]] of Object.entries(happenings)) {
  test(`${happening}: what follows in each state, and where it cannot be`, () => {
    for (const state of Object.keys(groups) as GroupState[]) {
      const group = groups[state]();
      assert.equal(group.state, state);
      const follows = next[state];
      if (follows === undefined) {
        assert.throws(() => happen(group), { code: 'INTERNAL' }, state);
        continue;
      }
      happen(group);
      assert.equal(group.state, follows);
      assert.equal(group.stateSinceMs, 9);
    }
  });
}

test('a generation without members empties the group', () => {
  const group = groups.PreparingRebalance();
  group.remove('m');
  group.beginGeneration(9);
  assert.deepEqual([group.state, group.generationId, group.protocolName, group.leaderId], ['Empty', 1, null, null]);
});

test('the end of a group stops its timers and answers whoever waits', () => {
  const cancelled: string[] = [];
  const timer = (name: string): Timer => ({ cancel: () => void cancelled.push(name) });
  const codes: KafkaErrorName[] = [];
  const group = groups.Empty();
  const member = memberOf('m', ({ errorCode }) => void codes.push(errorCode));
  group.add(member, 'consumer');
  member.beginSession(timer('session'));
  group.expectJoin('expected', timer('id'));
  group.prepare(1);
  group.awaitJoins(timer('joins'));
  group.awaitSyncs(timer('syncs'));
  group.end('NOT_COORDINATOR', 2);
  assert.deepEqual(cancelled.toSorted(), ['id', 'joins', 'session', 'syncs']);
  assert.deepEqual(codes, ['NOT_COORDINATOR']);
});
