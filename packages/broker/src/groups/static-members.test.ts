// Static members (KIP-345): whoever comes back under its instance id has its place again, and its former self is fenced.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8 } from '@throughline/event';
import { joinRequest, outcome, stableGroup, syncMember, withGroups } from './test-support.ts';

const delayed = { config: { 'group.initial.rebalance.delay.ms': 1_000 } };
const a = { groupInstanceId: 'a' };
const b = { groupInstanceId: 'b' };

test('a static member that comes back gets its assignment without a rebalance', () =>
  withGroups(delayed, async (world, open) => {
    const { groups } = open;
    const { memberIds, leader, generationId } = await stableGroup(world, open, [a, b]);
    const [oldA, oldB] = memberIds as [string, string];
    assert.equal(leader, oldA);
    const followsAgain = await groups.join('g', joinRequest(b));
    assert.deepEqual(outcome(followsAgain), { errorCode: 'NONE', generationId, isLeader: false, memberCount: 0 });
    assert.equal(followsAgain.skipAssignment, false);
    assert.notEqual(followsAgain.memberId, oldB);
    const synced = await syncMember(groups, followsAgain.memberId, generationId, [], 'b');
    assert.equal(fromUtf8(synced.assignment), oldB);
    assert.equal(groups.group('g')?.state, 'Stable');
  }));

test('a leader that comes back is told to leave the assignment as it is, or that it does not lead (KIP-814)', () =>
  withGroups(delayed, async (world, open) => {
    const { groups } = open;
    const { memberIds, generationId } = await stableGroup(world, open, [a, b]);
    const newer = await groups.join('g', joinRequest(a));
    assert.deepEqual(outcome(newer), { errorCode: 'NONE', generationId, isLeader: true, memberCount: 2 });
    assert.equal(newer.skipAssignment, true);
    const older = await groups.join('g', joinRequest({ ...a, canSkipAssignment: false }));
    assert.equal(older.leader, newer.memberId, 'the leader that it replaces');
    assert.deepEqual(older.members, []);
    assert.equal(groups.group('g')?.leaderId, older.memberId);
    assert.ok(memberIds.every((memberId) => groups.group('g')?.members.has(memberId) !== (memberId === memberIds[0])));
  }));

test('the former self is fenced whatever it asks for, also while it waits', () =>
  withGroups(delayed, async (world, open) => {
    const { clock } = world;
    const { groups } = open;
    const { memberIds, generationId } = await stableGroup(world, open, [a, b]);
    const [oldA, oldB] = memberIds as [string, string];
    await groups.join('g', joinRequest(b));
    const fenced = { memberId: oldB, ...b, generationId };
    assert.equal(groups.heartbeat('g', fenced), 'FENCED_INSTANCE_ID');
    assert.equal((await syncMember(groups, oldB, generationId, [], 'b')).errorCode, 'FENCED_INSTANCE_ID');
    assert.equal((await groups.join('g', joinRequest(fenced))).errorCode, 'FENCED_INSTANCE_ID');
    const left = groups.leave('g', [{ memberId: oldB, ...b }]);
    assert.equal(left?.members?.[0]?.errorCode, 'FENCED_INSTANCE_ID');
    assert.equal(groups.heartbeat('g', { ...fenced, groupInstanceId: 'c' }), 'UNKNOWN_MEMBER_ID');
    const waiting = groups.join('g', joinRequest({ ...a, memberId: oldA }));
    const instead = groups.join('g', joinRequest(a));
    assert.equal((await waiting).errorCode, 'FENCED_INSTANCE_ID');
    await clock.advance(20_000);
    assert.equal((await instead).generationId, 2);
  }));

test('a static member that does not join in time stays in the group until its session is over', () =>
  withGroups(delayed, async (world, open) => {
    const { clock } = world;
    const { groups } = open;
    const { memberIds } = await stableGroup(world, open, [a, { ...b, sessionTimeoutMs: 60_000 }]);
    const again = groups.join('g', joinRequest({ ...a, memberId: memberIds[0]! }));
    await clock.advance(20_000);
    assert.deepEqual(outcome(await again), { errorCode: 'NONE', generationId: 2, isLeader: true, memberCount: 2 });
  }));

test('a static member that comes back with another protocol makes everybody join again', () =>
  withGroups(delayed, async (world, open) => {
    const { groups } = open;
    const { memberIds, generationId } = await stableGroup(world, open, [
      {
        ...a,
        protocols: [
          { name: 'x', metadata: new Uint8Array(1) },
          { name: 'y', metadata: new Uint8Array(1) },
        ],
      },
    ]);
    const other = {
      ...a,
      protocols: [
        { name: 'y', metadata: new Uint8Array(2) },
        { name: 'x', metadata: new Uint8Array(2) },
      ],
    };
    const joined = await groups.join('g', joinRequest(other));
    assert.equal(joined.generationId, generationId + 1);
    assert.equal(joined.protocolName, 'y');
    assert.equal(groups.group('g')?.members.has(memberIds[0]!), false);
  }));

test('a static member that comes back while the work is shared out begins another generation', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const joining = [groups.join('g', joinRequest(a)), groups.join('g', joinRequest(b))];
    await clock.advance(2_000);
    const joined = await Promise.all(joining);
    const waiting = syncMember(groups, joined[1]!.memberId, 1, [], 'b');
    const back = groups.join('g', joinRequest(b));
    assert.equal((await waiting).errorCode, 'FENCED_INSTANCE_ID');
    const leads = groups.join('g', joinRequest({ ...a, memberId: joined[0]!.memberId }));
    assert.equal((await back).generationId, 2);
    assert.equal((await leads).members.length, 2);
  }));
