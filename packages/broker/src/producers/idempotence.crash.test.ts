// Idempotent producers that send again whatever they have no answer for, through random crashes, full disks and restarts:
// every batch is in the log once, in order, at the offset that was acknowledged. The seed of a failing run is in
// fast-check's report; give it as { seed, path } to see the same run again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integerBetween, seededRandom, ThroughlineError, type Random } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import * as fc from 'fast-check';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { AppendedBatch } from '../ground/appended-batch.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOfProducer, readAll } from '../test-support.ts';
import type { Durability } from '../ground/topic-config.ts';

const limits = { journalFileBytes: 4096, journalFileCountMax: 3, recoveryReadBytes: 512, openSegmentCountMax: 2 };
const inFlightCountMax = 5;
/** Just below where sequences begin again from 0. */
const firstSequence = 0x7fffffff - 20;

interface Life {
  /** How often each producer sends what it has no answer for. */
  readonly roundCount: number;
  /** Changes of the disk before the process dies in the middle of one. */
  readonly dieAfter: number;
  /** Bytes until the disk is full, from the second round on; then somebody makes room. */
  readonly bytesFree: number;
  readonly end: 'close' | 'kill' | 'power cut';
  readonly seed: number;
}

const never = Number.POSITIVE_INFINITY;
const life = {
  roundCount: fc.integer({ min: 0, max: 4 }),
  dieAfter: fc.oneof(fc.integer({ min: 0, max: 160 }), fc.constant(never)),
  bytesFree: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constant(never)),
  seed: fc.nat(),
};

/** A client as the Java producer is: up to five batches on their way, and again from the first without an answer. */
class Client {
  readonly id: bigint;
  readonly #random: Random;
  /** What it has made so far, and the answer once there is one. */
  readonly batches: { readonly texts: readonly string[]; readonly baseSequence: number; offset: bigint | undefined }[] =
    [];
  #nextSequence = firstSequence;

  constructor(id: bigint, random: Random) {
    this.id = id;
    this.#random = random;
  }

  get firstUnanswered(): number {
    const at = this.batches.findIndex(({ offset }) => offset === undefined);
    return at < 0 ? this.batches.length : at;
  }

  make(count: number): void {
    for (let i = 0; i < count; i++) {
      const name = `${this.id}/${this.batches.length}/`.padEnd(integerBetween(this.#random, 8, 200), '.');
      const texts = Array.from({ length: integerBetween(this.#random, 1, 3) }, (_, j) => `${name}${j}`);
      this.batches.push({ texts, baseSequence: this.#nextSequence, offset: undefined });
      this.#nextSequence = (this.#nextSequence + texts.length) % 2 ** 31;
    }
  }

  /** Sends everything without an answer, some of it twice, and now and then what has had one long since. */
  async send(log: PartitionLog): Promise<void> {
    const first = this.firstUnanswered;
    const end = Math.min(first + inFlightCountMax, this.batches.length);
    // What is one of the last five is known whatever has happened since.
    if (end === this.batches.length && this.#random.float() < 0.5) {
      for (let i = Math.max(0, first - inFlightCountMax); i < first; i++) {
        if (end - i <= inFlightCountMax) await this.#append(log, i);
      }
    }
    const sent: Promise<boolean>[] = [];
    for (let i = first; i < end; i++) {
      sent.push(this.#append(log, i));
      if (this.#random.float() < 0.3) sent.push(this.#append(log, i));
    }
    await Promise.all(sent);
  }

  /** True when it has an answer now. */
  async #append(log: PartitionLog, index: number): Promise<boolean> {
    const batch = this.batches[index]!;
    let answer: AppendedBatch;
    try {
      answer = await log.append(batchOfProducer(batch.texts, { ...batch, id: this.id, epoch: 0 }));
    } catch (error) {
      assert.ok(ThroughlineError.is(error), String(error));
      if (error.code !== 'OUT_OF_ORDER_SEQUENCE_NUMBER') {
        assert.ok(['OUT_OF_DISK', 'PARTITION_OFFLINE', 'CLOSED'].includes(error.code), String(error));
      } else {
        // One before it was rejected while this one was sent.
        assert.ok(index > this.firstUnanswered, `batch ${index} of ${this.id}: ${error.message}`);
      }
      return false;
    }
    assert.equal(answer.lastOffset, answer.baseOffset + BigInt(batch.texts.length - 1));
    if (batch.offset !== undefined) {
      assert.equal(answer.baseOffset, batch.offset, 'two answers to one batch');
    }
    batch.offset = answer.baseOffset;
    return true;
  }
}

async function runLives(durability: Durability, lives: readonly Life[]): Promise<void> {
  const memory = new LossyDisk();
  const clock = new VirtualClock();
  const clients = [1n, 2n, 3n].map((id) => new Client(id, seededRandom(Number(id) + (lives[0]?.seed ?? 0))));
  let isMade = false;
  for (const one of lives) {
    const disk = new FaultyDisk(memory);
    const random = seededRandom(one.seed);
    disk.dieAfter(one.dieAfter);
    try {
      const broker = await openBroker({ dataDir: '/data', disk, clock, random, ...limits });
      if (broker.topics().length === 0) {
        assert.equal(isMade, false, 'the topic is lost');
        await broker.createTopic('t', { partitions: 1, config: { durability, segmentBytes: 1024 } });
        isMade = true;
      }
      const log = broker.partition('t', 0);
      for (let round = 0; round < one.roundCount; round++) {
        disk.bytesFree = round === 1 ? one.bytesFree : never;
        for (const client of clients) client.make(integerBetween(random, 0, 4));
        await Promise.all(clients.map((client) => client.send(log)));
        if (random.float() < 0.3) await broker.checkpoint();
        if (random.float() < 0.1) await deleteHalf(log);
      }
      disk.heal();
      if (one.end === 'close') await broker.close();
    } catch (error) {
      if (!disk.isDead) throw error;
    }
    await disk.die();
    if (one.end === 'power cut') memory.cutPower(random);
    else memory.crash();
  }
  if (!isMade) return;

  const broker = await openBroker({ dataDir: '/data', disk: memory, clock, random: seededRandom(1), ...limits });
  const log = broker.partition('t', 0);
  for (const client of clients) {
    while (client.firstUnanswered < client.batches.length) {
      const before = client.firstUnanswered;
      await client.send(log);
      assert.ok(client.firstUnanswered > before, 'a healthy broker takes the next batch');
    }
  }
  const found = await readAll(log);
  for (const { id, batches } of clients) {
    const expected = batches
      .flatMap(({ texts, offset }) => texts.map((text, i) => ({ offset: offset! + BigInt(i), text })))
      .filter(({ offset }) => offset >= log.logStartOffset);
    const ofClient = found.filter((line) => line.split(':')[1]!.startsWith(`${id}/`));
    assert.deepEqual(
      ofClient,
      expected.map(({ offset, text }) => `${offset}:${text}`),
    );
  }
  await broker.close();
}

async function deleteHalf(log: PartitionLog): Promise<void> {
  try {
    await log.deleteRecords(log.highWatermark / 2n);
  } catch (error) {
    assert.ok(ThroughlineError.is(error, 'OUT_OF_DISK'), String(error));
  }
}

for (const durability of ['fsync', 'os'] as const) {
  // `os` promises nothing across a power cut.
  const ends: readonly Life['end'][] = durability === 'fsync' ? ['close', 'kill', 'power cut'] : ['close', 'kill'];
  const lives = fc.record({ ...life, end: fc.constantFrom(...ends) });
  test(`whatever crashes, each batch of a producer is in an ${durability} topic once, in order, where it was acknowledged`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(lives, { minLength: 1, maxLength: 6 }), (some) => runLives(durability, some)),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    );
  });
}
