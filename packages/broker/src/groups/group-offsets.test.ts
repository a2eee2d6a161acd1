// Who may commit and delete offsets, and when they expire (KIP-211, KIP-496).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  commit,
  committedOf,
  consumerProtocol,
  joinRequest,
  stableGroup,
  syncMember,
  withGroups,
} from './test-support.ts';

const minuteMs = 60_000;
const retention = { config: { 'offsets.retention.minutes': 60 } };

test('members commit in their generation, and nobody else does while there are members', () =>
  withGroups({}, async (world, open) => {
    const { groups } = open;
    const { leader: memberId, generationId } = await stableGroup(world, open, [{}]);
    assert.deepEqual(await commit(open, 5n, { memberId, generationId }), ['NONE']);
    assert.deepEqual(groups.offsets.committed('g', 't', 0), {
      offset: 5n,
      leaderEpoch: 3,
      metadata: 'm',
      commitTimeMs: world.clock.nowMs(),
      expireTimeMs: undefined,
      topicId: open.broker.topic('t').topicId,
    });
    assert.equal(await commit(open, 6n), 'UNKNOWN_MEMBER_ID');
    assert.equal(await commit(open, 6n, { memberId: 'x', generationId }), 'UNKNOWN_MEMBER_ID');
    assert.equal(await commit(open, 6n, { memberId, generationId: generationId + 1 }), 'ILLEGAL_GENERATION');
    assert.equal(await commit(open, 6n, { memberId, generationId: generationId - 1 }), 'ILLEGAL_GENERATION');
    assert.equal(await commit(open, 6n, { memberId, generationId, groupInstanceId: 'x' }), 'UNKNOWN_MEMBER_ID');
    const rejoined = await groups.join('g', joinRequest({ memberId }));
    assert.equal(await commit(open, 6n, { memberId, generationId: rejoined.generationId! }), 'REBALANCE_IN_PROGRESS');
    assert.equal(committedOf(open), 5n);
  }));

test('a commit while the group prepares to rebalance is taken, and counts as a sign of life', () =>
  withGroups({}, async (world, open) => {
    const { clock } = world;
    const { leader: memberId, generationId } = await stableGroup(world, open, [{ rebalanceTimeoutMs: 60_000 }]);
    const newcomer = open.groups.join('g', joinRequest());
    for (let round = 0; round < 3; round++) {
      await clock.advance(9_000);
      assert.deepEqual(await commit(open, BigInt(round), { memberId, generationId }), ['NONE']);
    }
    await clock.advance(10_000);
    assert.equal((await newcomer).generationId, generationId + 1);
  }));

test('who is no member commits for a group without members, and makes the group', () =>
  withGroups({}, async (_world, open) => {
    assert.deepEqual(await commit(open, 5n), ['NONE']);
    assert.equal(open.groups.group('g')?.protocolType, null);
    const member = { groupId: 'other', memberId: 'x', generationId: 3 };
    assert.equal(await commit(open, 5n, member), 'GROUP_ID_NOT_FOUND');
    assert.equal(await commit(open, 5n, { ...member, knowsGroupIdNotFound: false }), 'ILLEGAL_GENERATION');
  }));

test('metadata beside an offset has a length', () =>
  withGroups({ config: { 'offset.metadata.max.bytes': 10 } }, async (_world, open) => {
    const offset = { topic: 't', topicId: open.broker.topic('t').topicId, offset: 1n, leaderEpoch: -1 };
    const offsets = [
      { ...offset, partition: 0, metadata: 'x'.repeat(10) },
      { ...offset, partition: 1, metadata: 'x'.repeat(11) },
    ];
    assert.deepEqual(await commit(open, 0n, { offsets }), ['NONE', 'OFFSET_METADATA_TOO_LARGE']);
    assert.equal(open.groups.offsets.committed('g', 't', 1), undefined);
  }));

test('offsets of a simple group expire a retention time after they were committed', () =>
  withGroups(retention, async ({ clock }, open) => {
    await commit(open, 5n);
    await clock.advance(60 * minuteMs - 1);
    assert.equal(committedOf(open), 5n);
    await clock.advance(11 * minuteMs);
    await open.groups.expire();
    assert.equal(committedOf(open), undefined);
    assert.equal(open.groups.group('g'), undefined, 'and the group with them');
  }));

test('offsets of a group with members expire a retention time after it became empty, those of topics nobody reads any more before', () =>
  withGroups(retention, async (world, open) => {
    const { clock } = world;
    const { broker, groups } = open;
    const u = await broker.createTopic('u', { partitions: 1 });
    const { leader: memberId, generationId } = await stableGroup(world, open, [
      { sessionTimeoutMs: 1_800_000, protocols: [consumerProtocol('range', ['t'])] },
    ]);
    await commit(open, 5n, { memberId, generationId });
    const offset = { topic: 'u', topicId: u.topicId, partition: 0, offset: 1n, leaderEpoch: -1, metadata: '' };
    await commit(open, 0n, { memberId, generationId, offsets: [offset] });
    for (let round = 0; round < 8; round++) {
      await clock.advance(10 * minuteMs);
      groups.heartbeat('g', { memberId, groupInstanceId: null, generationId });
    }
    assert.equal(committedOf(open), 5n, 'it is read');
    assert.equal(groups.offsets.committed('g', 'u', 0), undefined);
    groups.leave('g', [{ memberId }]);
    await clock.advance(50 * minuteMs);
    assert.equal(committedOf(open), 5n);
    await clock.advance(11 * minuteMs);
    await open.groups.expire();
    assert.equal(committedOf(open), undefined);
  }));

test('an offset is kept as long as its client asked for (OffsetCommit 2–4)', () =>
  withGroups({}, async ({ clock }, open) => {
    await commit(open, 5n, { retentionMs: 60 * minuteMs });
    await clock.advance(60 * minuteMs - 1);
    assert.equal(committedOf(open), 5n);
    await clock.advance(11 * minuteMs);
    await open.groups.expire();
    assert.equal(committedOf(open), undefined);
  }));

test('the offsets of a topic go with it, also when another has its name', () =>
  withGroups({}, async ({ clock }, open) => {
    const { broker, groups } = open;
    await commit(open, 5n);
    await broker.deleteTopic('t');
    assert.equal(committedOf(open), undefined);
    assert.deepEqual([...groups.offsets.allCommitted('g')], []);
    await broker.createTopic('t', { partitions: 4 });
    assert.equal(committedOf(open), undefined);
    await clock.advance(11 * minuteMs);
    await open.groups.expire();
    assert.equal(groups.group('g'), undefined);
  }));

test('offsets of topics that are read cannot be deleted, others can', () =>
  withGroups({}, async (world, open) => {
    const { broker, groups } = open;
    const u = await broker.createTopic('u', { partitions: 1 });
    const { leader: memberId, generationId } = await stableGroup(world, open, [{}]);
    const offset = { topic: 'u', topicId: u.topicId, partition: 0, offset: 1n, leaderEpoch: -1, metadata: '' };
    await commit(open, 0n, { memberId, generationId, offsets: [offset] });
    const both = [
      { topic: 't', partition: 0 },
      { topic: 'u', partition: 0 },
    ];
    assert.deepEqual(await groups.offsets.delete('g', both), ['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE']);
    assert.equal(groups.offsets.committed('g', 'u', 0), undefined);
    assert.equal(await groups.offsets.delete('none', both), 'GROUP_ID_NOT_FOUND');
    await syncMember(groups, memberId, generationId);
  }));

test('a group is deleted with its offsets when it has no members', () =>
  withGroups({}, async (world, open) => {
    const { groups } = open;
    const { leader: memberId, generationId } = await stableGroup(world, open, [{}]);
    await commit(open, 5n, { memberId, generationId });
    assert.equal(await groups.delete('g'), 'NON_EMPTY_GROUP');
    groups.leave('g', [{ memberId }]);
    const deleting = groups.delete('g');
    const newcomer = groups.join('g', joinRequest());
    assert.equal(await deleting, 'NONE');
    await world.clock.advance(0);
    assert.equal((await newcomer).generationId, 1, 'the id is free again');
    assert.equal(committedOf(open), undefined);
    assert.equal(await groups.delete('none'), 'GROUP_ID_NOT_FOUND');
  }));
