// Every row of the table of recovery cases, made to happen: the log names the row, and what it says is done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, utf8, type Logger } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker } from '../topics/broker.ts';
import type { PartitionLog } from './partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, batchOfProducer, readWhole } from '../test-support.ts';
import { journalFiles } from '../disk/journal-format.ts';
import type { Durability } from '../ground/topic-config.ts';
import { decideDamage, recoveryCases, type DamageFacts, type RecoveryCaseName } from './recovery-cases.ts';

const dataDir = '/data';
const folder = `${dataDir}/t-0`;
const recordCount = 40;
const recordText = (i: number): string => `record ${i}`.padEnd(100, '.');
const batchBytes = batchOf([recordText(0)]).length;
/** Ten records a segment. */
const segmentBytes = 10 * batchBytes;

function logFile(baseOffset: number): string {
  return `${folder}/${String(baseOffset).padStart(20, '0')}.log`;
}

/** A broker of one topic on a disk in memory, with forty records in four segments of ten. */
class Scene {
  readonly memory = new LossyDisk();
  readonly cases: RecoveryCaseName[] = [];
  readonly #clock = new VirtualClock(1_700_000_000_000);
  #disk = new FaultyDisk(this.memory);
  broker!: Broker;

  async open(): Promise<PartitionLog> {
    this.#disk = new FaultyDisk(this.memory);
    const logger = this.#logger();
    const limits = { journalFileBytes: 4096, tailCacheBytesMax: 0 };
    this.broker = await openBroker({
      dataDir,
      disk: this.#disk,
      clock: this.#clock,
      logger,
      random: seededRandom(1),
      ...limits,
    });
    return this.broker.partition('t', 0);
  }

  async fill(
    durability: Durability,
    batch = (i: number): Uint8Array => batchOf([recordText(i)]),
  ): Promise<PartitionLog> {
    const limits = { journalFileBytes: 4096, tailCacheBytesMax: 0 };
    const clock = this.#clock;
    this.broker = await openBroker({ dataDir, disk: this.#disk, clock, random: seededRandom(1), ...limits });
    await this.broker.createTopic('t', { partitions: 1, config: { durability, segmentBytes } });
    const log = this.broker.partition('t', 0);
    for (let i = 0; i < recordCount; i++) await log.append(batch(i));
    return log;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.#disk.die();
    this.memory.crash();
  }

  /** The machine stops; what `kept` names reached the disk all the same. */
  async cutPower(kept: readonly string[] = []): Promise<void> {
    await this.#disk.die();
    this.memory.crash();
    for (const path of kept) {
      const file = await this.memory.open(path, 'write');
      await file.syncData();
      await file.close();
    }
    if (kept.length > 0) await this.memory.syncDirectory(folder);
    this.memory.cutPower(seededRandom(1));
  }

  /** Turns a bit of the record at `offset` around. */
  rot(offset: number): void {
    this.memory.flipBit(logFile(offset - (offset % 10)), (offset % 10) * batchBytes + 100);
  }

  /** Everything readable, and the offsets that are rejected as damaged. */
  async read(log: PartitionLog): Promise<{ readonly offsets: readonly number[]; readonly damaged: readonly number[] }> {
    return readWhole(log);
  }

  async aside(at = folder): Promise<readonly string[]> {
    return (await this.memory.list(at)).filter((name) => name.includes('.damaged') || name.endsWith('.stray'));
  }

  #logger(): Logger {
    const note = (fields: Readonly<Record<string, unknown>>): void => {
      const name = fields['case'];
      if (name !== undefined) this.cases.push(name as RecoveryCaseName);
    };
    return { debug: note, info: note, warn: note, error: note };
  }
}

const all = Array.from({ length: recordCount }, (_, i) => i);
const allBut = (offset: number): number[] => all.filter((i) => i !== offset);
const points = `${dataDir}/recovery-point-offset-checkpoint`;
const logFiles = [0, 10, 20, 30].map(logFile);
const writtenFiles = [...logFiles, `${folder}/partition.metadata`];

/** Leads to the case; what the log says besides is part of the scene. */
type Scenario = (scene: Scene) => Promise<readonly RecoveryCaseName[]>;

const scenarios: Readonly<Record<RecoveryCaseName, Scenario>> = {
  'rot-below-recovery-point': async (scene) => {
    await scene.fill('fsync');
    await scene.broker.checkpoint();
    await scene.cutPower();
    scene.rot(35);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: allBut(35), damaged: [35] });
    assert.deepEqual(await scene.aside(), []);
    return ['rot-below-recovery-point'];
  },
  'rot-after-clean-stop': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    scene.rot(35);
    await scene.memory.remove(points);
    // Without its index the last segment is gone through; without the snapshot nothing says where the log ends.
    for (const name of await scene.memory.list(folder)) {
      if (/^0*30\..*index$|\.snapshot$/.test(name)) await scene.memory.remove(`${folder}/${name}`);
    }
    assert.deepEqual(await scene.read(await scene.open()), { offsets: allBut(35), damaged: [35] });
    // The producers are then found by going through the log once more, which meets the place again.
    return ['recovery-points-lost', 'rot-after-clean-stop', 'rot-below-recovery-point'];
  },
  'torn-tail': async (scene) => {
    await scene.fill('os');
    await scene.kill();
    const file = await scene.memory.open(logFile(30), 'write');
    const torn = batchOf(['torn'.repeat(50)]).subarray(0, 90);
    await file.write([torn], await file.size());
    const log = await scene.open();
    assert.deepEqual(await scene.read(log), { offsets: all, damaged: [] });
    const name = `00000000000000000030.log.at-${10 * batchBytes}.damaged`;
    assert.deepEqual(await scene.aside(), [name]);
    assert.deepEqual(await scene.memory.readFile(`${folder}/${name}`), torn);
    return ['torn-tail'];
  },
  'damage-in-journal': async (scene) => {
    await scene.fill('fsync');
    await scene.kill();
    scene.rot(35);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    assert.deepEqual(await scene.aside(), [`00000000000000000030.log.at-${5 * batchBytes}.damaged`]);
    return ['damage-in-journal', 'records-in-journal'];
  },
  'rot-after-kill': async (scene) => {
    await scene.fill('os');
    await scene.kill();
    scene.rot(35);
    const log = await scene.open();
    assert.deepEqual(await scene.read(log), { offsets: allBut(35), damaged: [35] });
    assert.equal((await log.append(batchOf(['next']))).baseOffset, BigInt(recordCount));
    assert.deepEqual(await scene.aside(), []);
    return ['rot-after-kill'];
  },
  'damage-of-unknown-age': async (scene) => {
    await scene.fill('os');
    await scene.cutPower(writtenFiles);
    await scene.memory.remove(points);
    scene.rot(15);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: allBut(15), damaged: [15] });
    assert.deepEqual(await scene.aside(), []);
    return ['recovery-points-lost', 'damage-of-unknown-age'];
  },
  'unsynced-hole': async (scene) => {
    await scene.fill('os');
    await scene.cutPower(writtenFiles);
    scene.rot(15);
    const log = await scene.open();
    assert.deepEqual(await scene.read(log), { offsets: all.slice(0, 15), damaged: [] });
    const aside = [
      `00000000000000000010.log.at-${5 * batchBytes}.damaged`,
      '00000000000000000020.log.damaged',
      '00000000000000000030.log.damaged',
    ];
    assert.deepEqual(Array.from(await scene.aside()).sort(), aside);
    // What is set aside is all that was there.
    const kept = await Promise.all(aside.map((name) => scene.memory.readFile(`${folder}/${name}`)));
    assert.deepEqual(
      kept.map((bytes) => bytes?.length),
      [5, 10, 10].map((count) => count * batchBytes),
    );
    assert.equal((await log.append(batchOf(['next']))).baseOffset, 15n);
    return ['unsynced-hole'];
  },
  'synced-end-missing': async (scene) => {
    await scene.fill('fsync');
    await scene.broker.checkpoint();
    await scene.kill();
    await emptyJournal(scene);
    const file = await scene.memory.open(logFile(30), 'write');
    await file.truncate(5 * batchBytes);
    const log = await scene.open();
    assert.deepEqual((await scene.read(log)).offsets, all.slice(0, 35));
    assert.equal((await log.append(batchOf(['next']))).baseOffset, BigInt(recordCount));
    return ['synced-end-missing'];
  },
  'segments-missing': async (scene) => {
    await scene.fill('fsync');
    await scene.broker.checkpoint();
    await scene.kill();
    await emptyJournal(scene);
    for (const path of logFiles) await scene.memory.remove(path);
    const log = await scene.open();
    assert.equal((await log.append(batchOf(['next']))).baseOffset, BigInt(recordCount));
    return ['segments-missing'];
  },
  'segments-overlap': async (scene) => {
    await scene.fill('os');
    await scene.kill();
    await scene.memory.rename(logFile(30), `${folder}/00000000000000000025.log`);
    const log = await scene.open();
    assert.deepEqual(await scene.read(log), { offsets: all.slice(0, 30), damaged: [] });
    assert.deepEqual(await scene.aside(), ['00000000000000000025.log.damaged']);
    return ['segments-overlap'];
  },
  'partition-folder-missing': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    await scene.memory.removeFolder(folder);
    assert.deepEqual((await scene.read(await scene.open())).offsets, []);
    return ['partition-folder-missing', 'segments-missing'];
  },
  'partition-id-lost': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    await scene.memory.remove(`${folder}/partition.metadata`);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    await scene.broker.close();
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    return ['partition-id-lost'];
  },
  'folder-of-no-topic': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    // As a folder of another broker would be that somebody has copied here.
    await scene.memory.makeFolder(`${dataDir}/other-0`);
    const file = await scene.memory.open(`${dataDir}/other-0/00000000000000000000.log`, 'write');
    await file.write([batchOf(['kept'])], 0);
    assert.deepEqual((await scene.read(await scene.open())).offsets, all);
    assert.deepEqual(await scene.aside(dataDir), ['other-0.stray']);
    return ['folder-of-no-topic'];
  },
  'recovery-points-lost': async (scene) => {
    await scene.fill('fsync');
    await scene.broker.checkpoint();
    await scene.kill();
    await overwrite(scene, points, '0\n2\nt 0 40\n');
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    assert.deepEqual(await scene.aside(dataDir), ['recovery-point-offset-checkpoint.damaged']);
    return ['recovery-points-lost'];
  },
  'log-starts-lost': async (scene) => {
    const log = await scene.fill('fsync');
    await log.deleteRecords(15n);
    await scene.broker.close();
    await overwrite(scene, `${dataDir}/log-start-offset-checkpoint`, 'rubbish');
    assert.deepEqual((await scene.read(await scene.open())).offsets, all.slice(10));
    assert.deepEqual(await scene.aside(dataDir), ['log-start-offset-checkpoint.damaged']);
    return ['log-starts-lost'];
  },
  'leader-epochs-lost': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    await scene.memory.remove(`${folder}/leader-epoch-checkpoint`);
    assert.deepEqual((await scene.read(await scene.open())).offsets, all);
    return ['leader-epochs-lost'];
  },
  'producers-lost': async (scene) => {
    const producer = { id: 7n, epoch: 0 };
    await scene.fill('os', (i) => batchOfProducer([recordText(i)], { ...producer, baseSequence: i }));
    await scene.broker.close();
    const snapshot = '00000000000000000040.snapshot';
    scene.memory.flipBit(`${folder}/${snapshot}`, 20);
    const log = await scene.open();
    assert.deepEqual(await scene.aside(), [`${snapshot}.damaged`]);
    // The producer is known all the same: the last batch is recognised.
    const repeated = batchOfProducer([recordText(39)], { ...producer, baseSequence: 39 });
    assert.equal((await log.append(repeated)).baseOffset, 39n);
    return ['producers-lost'];
  },
  'index-lost': async (scene) => {
    await scene.fill('os');
    await scene.broker.close();
    await scene.memory.remove(`${folder}/00000000000000000010.index`);
    assert.deepEqual((await scene.read(await scene.open())).offsets, all);
    return ['index-lost'];
  },
  'records-in-journal': async (scene) => {
    await scene.fill('fsync');
    await scene.kill();
    const file = await scene.memory.open(logFile(30), 'write');
    await file.truncate(7 * batchBytes);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    return ['records-in-journal'];
  },
  'journal-damaged': async (scene) => {
    await scene.fill('fsync');
    await scene.kill();
    // The newest one holds two records only.
    const name = (await journalFilesByAge(scene)).at(-2)!;
    const before = (await scene.memory.readFile(`${dataDir}/${name}`))!;
    const at = 20 + 2 * frameBytes;
    // In the third frame: two of them are read.
    scene.memory.flipBit(`${dataDir}/${name}`, at + 50);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    const aside = `${name}.at-${at}.damaged`;
    assert.deepEqual(await scene.aside(dataDir), [aside]);
    const kept = (await scene.memory.readFile(`${dataDir}/${aside}`))!;
    const expected = before.slice(at, at + kept.length);
    expected[50]! ^= 1;
    assert.deepEqual(kept, expected);
    assert.equal(kept.length % frameBytes, 0);
    assert.ok(kept.length > frameBytes);
    // A second start finds nothing more to be set aside.
    await scene.kill();
    await scene.open();
    assert.deepEqual(await scene.aside(dataDir), [aside]);
    return ['journal-damaged'];
  },
  'journal-head-lost': async (scene) => {
    await scene.fill('fsync');
    await scene.kill();
    const name = (await journalFilesByAge(scene)).at(-1)!;
    const before = await scene.memory.readFile(`${dataDir}/${name}`);
    scene.memory.flipBit(`${dataDir}/${name}`, 10);
    const file = await scene.memory.open(logFile(30), 'write');
    await file.truncate(8 * batchBytes);
    assert.deepEqual(await scene.read(await scene.open()), { offsets: all, damaged: [] });
    assert.deepEqual((await scene.memory.readFile(`${dataDir}/${name}`))!.slice(0, 20), before!.slice(0, 20));
    assert.deepEqual(await scene.aside(dataDir), []);
    return ['journal-head-lost', 'records-in-journal'];
  },
  'journal-file-missing': async (scene) => {
    await scene.fill('fsync');
    await scene.broker.close();
    const names = (await scene.memory.list(dataDir)).filter((name) => name.endsWith('.journal'));
    assert.ok(names.length > 1);
    await scene.memory.remove(`${dataDir}/${names[0]}`);
    const log = await scene.open();
    for (let i = 0; i < recordCount; i++) await log.append(batchOf([recordText(i)]));
    // What has been written since is not in the place of what was there.
    await scene.kill();
    const again = await scene.open();
    assert.equal((await scene.read(again)).offsets.length, 2 * recordCount);
    return ['journal-file-missing'];
  },
  'journal-gap': async (scene) => {
    await scene.fill('fsync');
    // The first files of the journal are used again, and hold none of the first segments.
    await scene.kill();
    await overwrite(scene, points, '0\n1\nt 0 10\n');
    await scene.memory.remove(logFile(30));
    await scene.memory.remove(logFile(20));
    await scene.memory.remove(logFile(10));
    const log = await scene.open();
    const { offsets } = await scene.read(log);
    assert.deepEqual(offsets.slice(0, 10), all.slice(0, 10));
    assert.equal(offsets.at(-1), 39);
    assert.equal((await log.append(batchOf(['next']))).baseOffset, BigInt(recordCount));
    return ['journal-gap', 'records-in-journal'];
  },
};

async function overwrite(scene: Scene, path: string, text: string): Promise<void> {
  const file = await scene.memory.open(path, 'write');
  await file.truncate(0);
  await file.write([utf8(text)], 0);
  await file.syncData();
}

/** What a batch takes in the journal, with its head. */
const frameBytes = 36 + batchBytes;

async function journalFilesByAge({ memory }: Scene): Promise<string[]> {
  const files = await journalFiles(memory, dataDir);
  return files.sort((a, b) => (a.sequence < b.sequence ? -1 : 1)).map(({ name }) => name);
}

/** A checkpoint has freed the journal, and other partitions have used it since. */
async function emptyJournal(scene: Scene): Promise<void> {
  for (const name of await scene.memory.list(dataDir)) {
    if (name.endsWith('.journal')) await overwrite(scene, `${dataDir}/${name}`, '');
  }
}

for (const name of Object.keys(recoveryCases) as RecoveryCaseName[]) {
  test(`recovery case ${name} is named in the log, and done`, async () => {
    const scene = new Scene();
    const expected = await scenarios[name](scene);
    await scene.broker.close();
    assert.ok(expected.includes(name));
    assert.deepEqual(Array.from(new Set(scene.cases)), expected);
  });
}

test('exactly one row is for any damage, and none of them cuts off what is known to have been synced', () => {
  const fitting = new Set<RecoveryCaseName>();
  for (const stop of ['clean', 'killed', 'crashed'] as const) {
    for (const wasSynced of ['yes', 'no', 'unknown'] as const) {
      for (const [isFollowed, isInJournal] of [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const) {
        const facts: DamageFacts = { stop, wasSynced, isFollowed, isInJournal };
        // It throws unless exactly one row fits.
        const decision = decideDamage(facts);
        fitting.add(decision.name);
        if (wasSynced === 'yes' || stop === 'clean') assert.equal(decision.does, 'keep');
        // a record that is whole and acknowledged is hidden only where the machine may have stopped.
        if (stop === 'killed' && isFollowed && !isInJournal) assert.equal(decision.does, 'keep');
      }
    }
  }
  const rows = Object.entries(recoveryCases).filter(([, row]) => 'damage' in row);
  assert.deepEqual(Array.from(fitting).sort(), rows.map(([name]) => name).sort());
});

// One flipped bit in an early segment, after an unclean stop with the recovery points lost, left 22 records of 80.
for (const durability of ['fsync', 'os'] as const) {
  for (const stop of ['killed', 'crashed', 'clean'] as const) {
    for (const file of ['deleted', 'damaged', 'kept'] as const) {
      test(`one flipped bit costs one ${durability} record after a ${stop} stop with the recovery points ${file}`, async () => {
        const scene = new Scene();
        await scene.fill(durability);
        await scene.broker.checkpoint();
        // The segment that is written to is all that `os` does not sync.
        if (stop === 'killed') await scene.kill();
        else if (stop === 'crashed') await scene.cutPower(logFiles);
        else await scene.broker.close();
        if (file === 'deleted') await scene.memory.remove(points);
        if (file === 'damaged') await overwrite(scene, points, '0\n2\nt 0 40\n');
        scene.rot(15);
        assert.deepEqual(await scene.read(await scene.open()), { offsets: allBut(15), damaged: [15] });
        await scene.kill();
        // A second time: what has been decided holds.
        assert.deepEqual(await scene.read(await scene.open()), { offsets: allBut(15), damaged: [15] });
        await scene.broker.close();
      });
    }
  }
}
