// The states of a group: who is in a generation, when it begins, and what everybody is told.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { fromUtf8 } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse } from '@throughline/wire/apis';
import { consumerProtocol, joinRequest, outcome, stableGroup, syncMember, withGroups } from './test-support.ts';

/** A promise that can be asked whether it is over. */
function watch<T>(promise: Promise<T>): { readonly promise: Promise<T>; readonly isDone: () => boolean } {
  let isDone = false;
  void promise.then(() => (isDone = true));
  return { promise, isDone: () => isDone };
}

const delayed = { config: { 'group.initial.rebalance.delay.ms': 3_000 } };

test('a new member is given an id and comes back with it (KIP-394)', () =>
  withGroups({}, async ({ clock }, { groups }) => {
    const request = joinRequest({ needsMemberId: true });
    const first = await groups.join('g', request);
    assert.equal(first.errorCode, 'MEMBER_ID_REQUIRED');
    assert.match(first.memberId, /^c-[0-9a-f-]{36}$/);
    assert.equal(groups.group('g')?.state, 'Empty');
    const second = groups.join('g', { ...request, memberId: first.memberId });
    await clock.advance(0);
    const members = [{ memberId: first.memberId, groupInstanceId: null, metadata: consumerProtocol().metadata }];
    assert.deepEqual(await second, {
      errorCode: 'NONE',
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leader: first.memberId,
      memberId: first.memberId,
      members,
    });
  }));

test('an id that nobody comes back with is forgotten after a session', () =>
  withGroups({}, async ({ clock }, { groups }) => {
    const request = joinRequest({ needsMemberId: true });
    const { memberId } = await groups.join('g', request);
    await clock.advance(10_000);
    const late = await groups.join('g', { ...request, memberId });
    assert.equal(late.errorCode, 'UNKNOWN_MEMBER_ID');
  }));

test('the first generation waits as long as members come, and no longer than the rebalance timeout (KIP-134)', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const first = watch(groups.join('g', joinRequest({ rebalanceTimeoutMs: 7_000 })));
    await clock.advance(2_999);
    const joins = [first];
    const join = (): number => joins.push(watch(groups.join('g', joinRequest({ rebalanceTimeoutMs: 7_000 }))));
    join();
    await clock.advance(2_000);
    assert.equal(first.isDone(), false, 'the delay has begun anew at 3 s');
    join();
    await clock.advance(1_001);
    assert.equal(first.isDone(), false, 'and at 6 s');
    join();
    await clock.advance(1_000);
    const joined = await Promise.all(joins.map(({ promise }) => promise));
    assert.deepEqual(
      joined.map(({ generationId }) => generationId),
      [1, 1, 1, 1],
    );
    assert.equal(joined[0]?.members.length, 4);
  }));

test('somebody new makes everybody join again; who does not is out after the rebalance timeout', () =>
  withGroups(delayed, async (world, open) => {
    const { clock } = world;
    const { groups } = open;
    const { memberIds, generationId } = await stableGroup(world, open, [{}, {}]);
    const [stays, vanishes] = memberIds as [string, string];
    const newcomer = groups.join('g', joinRequest());
    const heartbeat = (memberId: string): string =>
      groups.heartbeat('g', { memberId, groupInstanceId: null, generationId });
    assert.equal(heartbeat(stays), 'REBALANCE_IN_PROGRESS');
    const again = groups.join('g', joinRequest({ memberId: stays }));
    for (let second = 0; second < 4; second++) {
      await clock.advance(5_000);
      heartbeat(vanishes);
    }
    assert.equal((await again).generationId, 2);
    assert.equal((await newcomer).generationId, 2);
    assert.equal(heartbeat(vanishes), 'UNKNOWN_MEMBER_ID');
    assert.equal(heartbeat(stays), 'ILLEGAL_GENERATION');
  }));

test('a member that is not heard of for its session is out, and the others join again', () =>
  withGroups(delayed, async (world, open) => {
    const { clock } = world;
    const { groups } = open;
    const { memberIds, generationId } = await stableGroup(world, open, [{}, {}]);
    const [stays] = memberIds as [string];
    await clock.advance(9_000);
    assert.equal(groups.heartbeat('g', { memberId: stays, groupInstanceId: null, generationId }), 'NONE');
    await clock.advance(1_000);
    assert.equal(groups.group('g')?.state, 'PreparingRebalance');
    assert.equal(
      groups.heartbeat('g', { memberId: stays, groupInstanceId: null, generationId }),
      'REBALANCE_IN_PROGRESS',
    );
    const alone = await groups.join('g', joinRequest({ memberId: stays }));
    assert.deepEqual(outcome(alone), { errorCode: 'NONE', generationId: 2, isLeader: true, memberCount: 1 });
  }));

test('members wait for the assignment of their leader, and each gets its own', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const joining = [groups.join('g', joinRequest()), groups.join('g', joinRequest())];
    await clock.advance(3_000);
    await clock.advance(3_000);
    const joined = await Promise.all(joining);
    const { leader } = joined[0]!;
    const follower = joined.find(({ memberId }) => memberId !== leader)!.memberId;
    const waiting = watch(syncMember(groups, follower, 1));
    await clock.settle();
    assert.equal(waiting.isDone(), false);
    const own = await syncMember(groups, leader, 1, [leader, follower]);
    assert.equal(fromUtf8(own.assignment), leader);
    const its = await waiting.promise;
    assert.equal(fromUtf8(its.assignment), follower);
    assert.equal(its.protocolName, 'range');
    const again = await syncMember(groups, follower, 1);
    assert.equal(fromUtf8(again.assignment), follower, 'who asks once more is told the same');
  }));

test('who joins and never syncs is out after the rebalance timeout, and the others begin anew', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const joining = [groups.join('g', joinRequest({ sessionTimeoutMs: 60_000 })), groups.join('g', joinRequest())];
    await clock.advance(6_000);
    const [leader, follower] = (await Promise.all(joining)) as [JoinGroupResponse, JoinGroupResponse];
    assert.equal(leader.leader, leader.memberId);
    const waiting = syncMember(groups, follower.memberId, 1);
    await clock.advance(20_000);
    assert.equal((await waiting).errorCode, 'REBALANCE_IN_PROGRESS');
    assert.equal(groups.group('g')?.members.has(leader.memberId), false);
    const again = await groups.join('g', joinRequest({ memberId: follower.memberId }));
    assert.deepEqual(outcome(again), { errorCode: 'NONE', generationId: 2, isLeader: true, memberCount: 1 });
  }));

test('the protocol that most members prefer, of those that all support, is taken', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const sticky = consumerProtocol('sticky');
    const range = consumerProtocol('range');
    const only = consumerProtocol('own');
    const joining = [
      [only, range, sticky],
      [sticky, range],
      [sticky, range],
    ].map((protocols) => groups.join('g', joinRequest({ protocols })));
    await clock.advance(6_000);
    for (const { protocolName } of await Promise.all(joining)) assert.equal(protocolName, 'sticky');
    const other = await groups.join('g', joinRequest({ protocols: [only] }));
    assert.equal(other.errorCode, 'INCONSISTENT_GROUP_PROTOCOL');
    const connect = await groups.join('g', joinRequest({ protocolType: 'connect' }));
    assert.equal(connect.errorCode, 'INCONSISTENT_GROUP_PROTOCOL');
  }));

test('a follower that joins again with nothing new learns of the generation; the leader begins another', () =>
  withGroups(delayed, async (world, open) => {
    const { groups } = open;
    const { memberIds, leader, generationId } = await stableGroup(world, open, [{}, {}]);
    const follower = memberIds.find((id) => id !== leader)!;
    const same = await groups.join('g', joinRequest({ memberId: follower }));
    assert.deepEqual(outcome(same), { errorCode: 'NONE', generationId, isLeader: false, memberCount: 0 });
    assert.equal(groups.group('g')?.state, 'Stable');
    const leading = groups.join('g', joinRequest({ memberId: leader }));
    assert.equal(groups.group('g')?.state, 'PreparingRebalance');
    const following = groups.join(
      'g',
      joinRequest({ memberId: follower, protocols: [consumerProtocol('range', ['u'])] }),
    );
    assert.deepEqual(outcome(await leading), { errorCode: 'NONE', generationId: 2, isLeader: true, memberCount: 2 });
    assert.equal((await following).generationId, 2);
  }));

test('a group takes no more members than it may', () =>
  withGroups({ config: { 'group.max.size': 2 } }, async (world, open) => {
    const { groups } = open;
    await stableGroup(world, open, [{}]);
    const first = groups.group('g')!.leaderId!;
    const second = groups.join('g', joinRequest());
    assert.equal((await groups.join('g', joinRequest({ memberId: first }))).generationId, 2);
    await second;
    const third = await groups.join('g', joinRequest());
    assert.equal(third.errorCode, 'GROUP_MAX_SIZE_REACHED');
  }));

test('sessions out of bounds, empty group ids, unknown members and generations are rejected as Kafka does', () =>
  withGroups({}, async (world, open) => {
    const { groups } = open;
    const codeOf = async (request: Parameters<typeof joinRequest>[0], groupId = 'g'): Promise<KafkaErrorName> =>
      (await groups.join(groupId, joinRequest(request))).errorCode;
    assert.equal(await codeOf({ sessionTimeoutMs: 5_999 }), 'INVALID_SESSION_TIMEOUT');
    assert.equal(await codeOf({ sessionTimeoutMs: 1_800_001 }), 'INVALID_SESSION_TIMEOUT');
    assert.equal(await codeOf({}, ''), 'INVALID_GROUP_ID');
    assert.equal(await codeOf({ memberId: 'nobody' }), 'UNKNOWN_MEMBER_ID');
    assert.equal(await codeOf({ protocols: [] }), 'INCONSISTENT_GROUP_PROTOCOL');
    const { leader, generationId } = await stableGroup(world, open, [{}]);
    assert.equal((await syncMember(groups, leader, generationId + 1)).errorCode, 'ILLEGAL_GENERATION');
    assert.equal((await syncMember(groups, 'nobody', generationId)).errorCode, 'UNKNOWN_MEMBER_ID');
    const sync = { memberId: leader, groupInstanceId: null, generationId, protocolType: 'connect', protocolName: null };
    const other = await groups.sync('g', { ...sync, assignments: new Map() });
    assert.equal(other.errorCode, 'INCONSISTENT_GROUP_PROTOCOL');
    assert.equal(groups.heartbeat('', { memberId: leader, groupInstanceId: null, generationId }), 'INVALID_GROUP_ID');
  }));

test('who leaves is out at once; the last one leaves an empty group', () =>
  withGroups(delayed, async (world, open) => {
    const { groups } = open;
    const { memberIds } = await stableGroup(world, open, [{}, {}]);
    const [first, second] = memberIds as [string, string];
    const left = groups.leave('g', [{ memberId: first, reason: 'done' }, { memberId: 'nobody' }]);
    const codes = left?.members?.map(({ errorCode }) => errorCode);
    assert.deepEqual(codes, ['NONE', 'UNKNOWN_MEMBER_ID']);
    assert.equal(groups.group('g')?.state, 'PreparingRebalance');
    groups.leave('g', [{ memberId: second }]);
    assert.equal(groups.group('g')?.state, 'Empty');
    assert.equal(groups.leave('none', [{ memberId: 'x' }]), undefined);
  }));

test('who is removed while it waits is answered', () =>
  withGroups(delayed, async ({ clock }, { groups }) => {
    const joining = [groups.join('g', joinRequest({ groupInstanceId: 'a' })), groups.join('g', joinRequest())];
    await clock.advance(6_000);
    const [first, second] = (await Promise.all(joining)) as [JoinGroupResponse, JoinGroupResponse];
    const waiting = syncMember(groups, second.memberId, 1);
    groups.leave('g', [{ memberId: second.memberId }]);
    assert.equal((await waiting).errorCode, 'UNKNOWN_MEMBER_ID');
    const joiningAgain = groups.join('g', joinRequest());
    groups.leave('g', [{ memberId: '', groupInstanceId: 'a' }]);
    assert.equal((await joiningAgain).generationId, 2);
    assert.equal(groups.group('g')?.members.has(first.memberId), false);
  }));

test('a JoinGroup of a new member that is gone is released after five minutes', () =>
  withGroups(delayed, async (world, open) => {
    const { clock } = world;
    const { groups } = open;
    const long = { sessionTimeoutMs: 1_800_000, rebalanceTimeoutMs: 1_800_000 };
    await stableGroup(world, open, [long]);
    const gone = groups.join('g', joinRequest(long));
    await clock.advance(5 * 60_000);
    assert.equal((await gone).errorCode, 'UNKNOWN_MEMBER_ID');
    assert.equal(groups.group('g')?.members.size, 1);
  }));

test('the work of a group whose members join, sync and leave grows with their number, not with its square', (t) =>
  withGroups({}, async (world, open) => {
    // Each join went through all members twice.
    const joinAndLeave = async (memberCount: number): Promise<number> => {
      const before = steps.count;
      const { clock } = world;
      const { groups } = open;
      const { memberIds, generationId } = await stableGroup(
        world,
        open,
        Array.from({ length: memberCount }, () => ({})),
      );
      const again = memberIds.map((memberId) => groups.join('g', joinRequest({ memberId, protocols: other })));
      await clock.advance(0);
      for (const { errorCode } of await Promise.all(again)) assert.equal(errorCode, 'NONE');
      assert.equal(groups.group('g')?.generationId, generationId + 1);
      for (const memberId of memberIds) {
        groups.leave('g', [{ memberId, groupInstanceId: null }]);
      }
      assert.equal(groups.group('g')?.state, 'Empty');
      return steps.count - before;
    };
    const other = [{ ...consumerProtocol(), metadata: consumerProtocol('range', ['t', 'u']).metadata }];
    const steps = countMapSteps(t);
    const few = await joinAndLeave(50);
    const many = await joinAndLeave(400);
    assert.ok(many < few * 8 * 1.5, `${few} steps for 50 members, ${many} for 400`);
  }));

/** Counts each step that is taken through any map. */
function countMapSteps(t: TestContext): { readonly count: number } {
  const iterator = Object.getPrototypeOf(new Map().values()) as Iterator<unknown>;
  const next = Reflect.get(iterator, 'next') as (this: Iterator<unknown>) => IteratorResult<unknown>;
  const steps = { count: 0 };
  iterator.next = function () {
    steps.count++;
    return next.call(this);
  };
  t.after(() => (iterator.next = next));
  return steps;
}
