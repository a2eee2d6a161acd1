// What of groups outlives their coordinator: offsets, generations and assignments, whatever the log of them goes through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { fromUtf8, seededRandom, utf8 } from '@throughline/event';
import { FaultyDisk, LossyDisk } from '@throughline/testkit';
import { readBatchHeader } from '@throughline/wire';
import { openBroker } from '../topics/open-broker.ts';
import { GroupLog } from './group-log.ts';
import { groupMetadataTopic } from '../ground/topic-name.ts';
import {
  closeGroups,
  commit,
  committedOf,
  groupWorld,
  joinRequest,
  openGroups,
  stableGroup,
  syncMember,
  withGroups,
} from './test-support.ts';

const delayed = { config: { 'group.initial.rebalance.delay.ms': 1_000 } };

for (const end of ['close', 'kill', 'power cut'] as const) {
  test(`after a ${end} members go on in their generation, with their assignments and offsets`, async () => {
    const disk = new LossyDisk();
    const before = groupWorld({ ...delayed, disk });
    const open = await openGroups(before);
    const { memberIds, generationId } = await stableGroup(before, open, [{}, { groupInstanceId: 'a' }]);
    const [memberId, staticId] = memberIds as [string, string];
    await commit(open, 7n, { memberId, generationId });
    if (end === 'close') await closeGroups(open);
    if (end === 'kill') disk.crash();
    if (end === 'power cut') disk.cutPower(before.random);

    const after = groupWorld({ ...delayed, disk });
    const again = await openGroups(after);
    const { groups } = again;
    assert.equal(groups.group('g')?.state, 'Stable');
    assert.equal(groups.heartbeat('g', { memberId, groupInstanceId: null, generationId }), 'NONE');
    const synced = await syncMember(groups, staticId, generationId, [], 'a');
    assert.equal(fromUtf8(synced.assignment), staticId);
    assert.equal(committedOf(again), 7n);
    assert.deepEqual(await commit(again, 8n, { memberId, generationId }), ['NONE']);
    await after.clock.advance(10_000);
    assert.equal(groups.group('g')?.state, 'Empty', 'sessions begin anew with the coordinator');
    await closeGroups(again);
  });
}

test('commits that come while the disk is busy go out as one batch, in their order', () =>
  withGroups({}, async (_world, open) => {
    const log = open.broker.partition(groupMetadataTopic, 0);
    const other = open.broker.partition(groupMetadataTopic, 1);
    const before = log.highWatermark + other.highWatermark;
    const answers = await Promise.all(Array.from({ length: 100 }, (_, offset) => commit(open, BigInt(offset))));
    assert.ok(answers.every((errors) => errors[0] === 'NONE'));
    assert.equal(committedOf(open), 99n);
    assert.equal(log.highWatermark + other.highWatermark - before, 100n);
    const written = log.highWatermark > 0n ? log : other;
    const { batches } = await written.read(0n, 1_000_000);
    let batchCount = 0;
    for (let at = 0; at < batches.length; at += readBatchHeader(batches, at).sizeBytes) batchCount++;
    assert.equal(batchCount, 2, 'the first, and all that came while it was on its way');
  }));

test('a commit that cannot be kept is rejected, changes nothing, and works again when there is room', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  await withGroups({ disk }, async (_world, open) => {
    await commit(open, 1n);
    disk.bytesFree = 0;
    await assert.rejects(commit(open, 2n), { code: 'OUT_OF_DISK' });
    assert.equal(committedOf(open), 1n);
    disk.heal();
    assert.deepEqual(await commit(open, 3n), ['NONE']);
    assert.equal(committedOf(open), 3n);
  });
});

// The throw of one write's records ended the process: the drain has no caller.
test('what one write cannot say or apply is for its own caller; those beside it are kept', () =>
  withGroups({}, async ({ clock, logger }, { broker }) => {
    const { topic } = await broker.createTopic('kept', { partitions: 1 });
    const log = new GroupLog({ log: broker.partition(topic, 0), clock, logger, isSynced: true });
    const failing = (): never => {
      throw new Error('no');
    };
    const one = [{ key: utf8('k'), value: utf8('v') }];
    const applied: string[] = [];
    const written = await Promise.allSettled([
      log.write(one, () => void applied.push('first')),
      log.write(failing),
      log.write(one, failing),
      log.write(
        () => one,
        () => void applied.push('second'),
      ),
      log.write(failing),
    ]);
    assert.deepEqual(
      written.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected'],
    );
    assert.deepEqual(applied, ['first', 'second']);
    await log.write(one, () => void applied.push('third'));
    assert.deepEqual(applied, ['first', 'second', 'third']);
  }));

// A group whose record cannot be written ended the process as soon as its last member was gone.
test('a group that cannot be kept goes on without, whatever timer or request comes upon it', () =>
  withGroups({}, async ({ clock }, { broker, groups }) => {
    // Nothing that comes over the network has such an id.
    const groupId = 'g'.repeat(40_000);
    const joining = groups.join(groupId, joinRequest());
    await clock.advance(0);
    assert.equal((await joining).errorCode, 'NONE');
    await clock.advance(10_000);
    assert.equal(groups.group(groupId)?.state, 'Empty');
    const { topicId } = broker.topic('t');
    const offset = { topic: 't', topicId, partition: 0, offset: 1n, leaderEpoch: 0, metadata: '' };
    const request = { memberId: '', groupInstanceId: null, retentionMs: undefined, knowsGroupIdNotFound: true };
    const committed = groups.offsets.commit({ groupId, generationId: -1, ...request, offsets: [offset] });
    await assert.rejects(committed, { code: 'INVALID_ARGUMENT' });
    assert.equal(await groups.delete(groupId), 'UNKNOWN_SERVER_ERROR');
    assert.equal(await groups.delete('another'), 'GROUP_ID_NOT_FOUND');
  }));

test('an assignment that cannot be kept is not handed out', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  await withGroups({ disk }, async ({ clock }, open) => {
    const { groups } = open;
    const joining = groups.join('g', joinRequest());
    await clock.advance(0);
    const { memberId } = await joining;
    disk.bytesFree = 0;
    const synced = await syncMember(groups, memberId, 1, [memberId]);
    assert.equal(synced.errorCode, 'NOT_COORDINATOR');
    disk.heal();
    const again = await groups.join('g', joinRequest({ memberId }));
    assert.equal(again.generationId, 2);
    assert.equal((await syncMember(groups, memberId, 2, [memberId])).errorCode, 'NONE');
  });
});

test('the log stays a few times as large as what it says, and says it whenever the process dies', async () => {
  const memory = new LossyDisk();
  const random = seededRandom(11);
  const rewriteBytesMin = 8_000;
  const value = 'v'.repeat(400);
  const model = new Map<string, string>();
  /** What was on its way when the process died: it is there or not. */
  let pending: (() => void) | undefined;
  let rewriteCount = 0;
  for (let life = 0; life < 40; life++) {
    const disk = new FaultyDisk(memory);
    const { clock, logger } = groupWorld();
    const broker = await openBroker({ dataDir: '/data', disk, clock, random, logger, journalFileBytes: 16_384 });
    if (broker.findTopic('log') === undefined) await broker.createTopic('log', { partitions: 1 });
    const partition = broker.partition('log', 0);
    const log = new GroupLog({ log: partition, clock, logger, isSynced: true, rewriteBytesMin });
    const found = await stateOf(log);
    if (pending !== undefined && !isDeepStrictEqual(found, model)) pending();
    assert.deepEqual(found, model, `life ${life}`);

    disk.dieAfter(20 + Math.floor(random.float() * 400));
    for (let write = 0; write < 80 && !disk.isDead; write++) {
      const key = `k${Math.floor(random.float() * 8)}`;
      const kept = random.float() < 0.9 ? `${life}.${write}${value}` : null;
      const apply = (): void => void (kept === null ? model.delete(key) : model.set(key, kept));
      pending = apply;
      const { logStartOffset } = partition;
      await log.write([{ key: utf8(key), value: kept === null ? null : utf8(kept) }], apply).catch(() => disk.die());
      if (partition.logStartOffset > logStartOffset) rewriteCount++;
      const recordCount = Number(partition.logEndOffset - partition.logStartOffset);
      assert.ok(recordCount * value.length < 3 * rewriteBytesMin, `${recordCount} records`);
    }
    await disk.die();
    if (life % 2 === 0) memory.crash();
    else memory.cutPower(random);
  }
  assert.ok(rewriteCount > 20, `${rewriteCount} times written anew`);
});

/** What a log says: the last value of each key. */
async function stateOf(log: GroupLog): Promise<ReadonlyMap<string, string>> {
  const state = new Map<string, string>();
  for await (const { key, value } of log.records()) {
    if (value === null) state.delete(fromUtf8(key!));
    else state.set(fromUtf8(key!), fromUtf8(value));
  }
  return state;
}
