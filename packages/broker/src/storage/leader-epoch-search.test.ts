// Leader epochs when their checkpoint is lost, damaged or another log's: found in the batches, so that a consumer still
// learns of a log that was cut (KIP-320).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, seededRandom, ThroughlineError, utf8 } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { readBatchHeader, readBatchSize, setBaseOffset, setPartitionLeaderEpoch } from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import type { PartitionLog } from './partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, LogRecorder } from '../test-support.ts';
import { findEpochs, type SearchableLog } from './leader-epoch-search.ts';
import { replaceFile } from '../disk/disk.ts';

const folder = '/data/t-0';
const checkpoint = `${folder}/leader-epoch-checkpoint`;
const rebuilt = 'warn: recovery case leader-epochs-lost: The epochs are found in the batches, and a new one begins.';

interface Opened {
  readonly broker: Broker;
  readonly log: PartitionLog;
  readonly logger: LogRecorder;
}

async function open(memory: LossyDisk, disk = new FaultyDisk(memory)): Promise<Opened> {
  const logger = new LogRecorder();
  const clock = new VirtualClock(1_700_000_000_000);
  const options = { dataDir: '/data', clock, logger, random: seededRandom(1), journalFileBytes: 65_536 };
  const broker = await openBroker({ ...options, disk });
  if (broker.findTopic('t') === undefined) {
    await broker.createTopic('t', { partitions: 1, config: { durability: 'os', segmentBytes: 1024 } });
  }
  return { broker, log: broker.partition('t', 0), logger };
}

/** A log of three epochs in several segments, stopped cleanly: 0 at 0, 1 at 6, 2 at 12; it ends at 18. */
async function threeEpochs(): Promise<LossyDisk> {
  const memory = new LossyDisk();
  for (let life = 0; life < 3; life++) {
    const disk = new FaultyDisk(memory);
    const { broker, log } = await open(memory, disk);
    for (let i = 0; i < 6; i++) await log.append(batchOf([`record ${i} of ${life}`.padEnd(250, '.')]));
    if (life === 2) await broker.close();
    else await disk.die();
    memory.crash();
  }
  assert.equal(await stored(memory), '0\n3\n0 0\n1 6\n2 12\n');
  return memory;
}

async function stored(memory: LossyDisk): Promise<string> {
  return fromUtf8((await memory.readFile(checkpoint)) ?? utf8('none'));
}

for (const [what, text] of [
  ['that is missing', undefined],
  ['that is damaged', '0\n3\n0 0\n1 x\n2 12\n'],
  ['of another log, with an epoch beyond the end', '0\n2\n0 0\n2 19\n'],
  ['that begins behind the first batch', '0\n2\n1 6\n2 12\n'],
  ['that is older than what readers have been told', '0\n1\n0 0\n'],
] as const) {
  test(`after a clean stop a checkpoint ${what} is made again from the batches, once`, async () => {
    const memory = await threeEpochs();
    if (text === undefined) await memory.remove(checkpoint);
    else await replaceFile(memory, folder, 'leader-epoch-checkpoint', utf8(text));
    const { broker, log, logger } = await open(memory);
    assert.deepEqual(log.endOfEpoch(0), { epoch: 0, endOffset: 6n });
    assert.deepEqual(log.endOfEpoch(1), { epoch: 1, endOffset: 12n });
    // Which one was the last is not known: a new one begins.
    assert.equal(log.leaderEpoch, 3);
    assert.ok(logger.lines.includes(rebuilt), logger.lines.join('\n'));
    await broker.close();
    assert.equal(await stored(memory), '0\n4\n0 0\n1 6\n2 12\n3 18\n');
    const again = await open(memory);
    assert.equal(again.log.leaderEpoch, 3);
    assert.ok(!again.logger.lines.includes(rebuilt));
  });
}

test('a clean start with a good checkpoint reads no closed segment', async () => {
  const memory = await threeEpochs();
  const names = (await memory.list(folder)).filter((name) => name.endsWith('.log')).sort();
  assert.ok(names.length > 3);
  const disk = new FaultyDisk(memory);
  for (const name of names.slice(0, -1)) disk.fail({ operation: 'read', path: `t-0/${name}`, code: 'EIO' });
  const { log } = await open(memory, disk);
  assert.equal(log.leaderEpoch, 2);
});

test('a lost checkpoint hides no log that was cut: an epoch that lost its end still ends where the next began', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const { log } = await open(memory, disk);
  await log.append(batchOf(['a', 'b']));
  await log.append(batchOf(['c', 'd']));
  const position = { offset: log.highWatermark, epoch: log.epochAt(log.highWatermark - 1n) };
  const firstLog = `${folder}/00000000000000000000.log`;
  await disk.die();
  memory.crash();
  const file = await memory.open(firstLog, 'write');
  await file.truncate((await file.size()) - 1);
  const second = new FaultyDisk(memory);
  await (await open(memory, second)).log.append(batchOf(['other', 'records', 'instead']));
  await second.die();
  memory.crash();
  await memory.remove(checkpoint);
  const { log: found } = await open(memory);
  const end = found.endOfEpoch(position.epoch);
  assert.deepEqual(end, { epoch: 0, endOffset: 2n });
  assert.ok(end.endOffset < position.offset);
});

test('a lost checkpoint of a log that is gone begins behind all that was told', async () => {
  const memory = await threeEpochs();
  await memory.removeFolder(folder);
  const { log } = await open(memory);
  assert.equal(log.leaderEpoch, 3);
  assert.equal(log.endOfEpoch(2)?.endOffset, log.logStartOffset);
});

test('damaged batches are passed over while epochs are searched', async () => {
  const memory = await threeEpochs();
  await memory.remove(checkpoint);
  // The first batch of epoch 1 is damaged: it begins with the next one that is whole.
  const segments = (await memory.list(folder)).filter((name) => name.endsWith('.log')).sort();
  const place = await placeOf(memory, segments, 6n);
  memory.flipBit(place.path, place.position + 70);
  const { log } = await open(memory);
  assert.deepEqual(log.endOfEpoch(0), { epoch: 0, endOffset: 7n });
  assert.deepEqual(log.endOfEpoch(1), { epoch: 1, endOffset: 12n });
});

async function placeOf(memory: LossyDisk, names: readonly string[], offset: bigint) {
  for (const name of names) {
    const bytes = (await memory.readFile(`${folder}/${name}`))!;
    for (let position = 0; position < bytes.length; position += readBatchSize(bytes, position)) {
      if (readBatchHeader(bytes, position).baseOffset === offset) return { path: `${folder}/${name}`, position };
    }
  }
  return assert.fail(`no batch begins at ${offset}`);
}

test('the search finds what going through all batches finds, in a number of reads that hardly grows with the log', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.float() * limit);
    const batches: { readonly baseOffset: bigint; readonly nextOffset: bigint; readonly epoch: number }[] = [];
    const expected: { epoch: number; startOffset: bigint }[] = [];
    const logStartOffset = BigInt(below(1000));
    let offset = logStartOffset;
    let epoch = below(3);
    for (let i = 0; i < 5000; i++) {
      if (below(1000) === 0) epoch += 1 + below(3);
      // Some batches are damaged.
      const nextOffset = offset + 1n + BigInt(below(4));
      if (below(20) > 0) {
        batches.push({ baseOffset: offset, nextOffset, epoch });
        const startOffset = expected.length === 0 ? logStartOffset : offset;
        if (expected.at(-1)?.epoch !== epoch) expected.push({ epoch, startOffset });
      }
      offset = nextOffset;
    }
    let readCount = 0;
    const log: SearchableLog = {
      endOffset: offset,
      read: async (request) => {
        readCount++;
        const found = batches.find(({ nextOffset }) => nextOffset > request.offset);
        if (found === undefined) return new Uint8Array(0);
        if (found.baseOffset > request.offset) {
          const details = { nextOffset: found.baseOffset.toString() };
          throw new ThroughlineError('CORRUPT_RECORD', 'damaged', { details });
        }
        const bytes = batchOf(Array.from({ length: Number(found.nextOffset - found.baseOffset) }, String));
        setBaseOffset(bytes, 0, found.baseOffset);
        setPartitionLeaderEpoch(bytes, 0, found.epoch);
        return bytes;
      },
    };
    assert.deepEqual(await findEpochs(log, logStartOffset), expected, `seed ${seed}`);
    assert.ok(readCount <= expected.length * 36, `seed ${seed}: ${readCount} reads for ${expected.length} epochs`);
  }
});
