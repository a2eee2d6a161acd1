// What a start does about what it finds damaged or missing: one table, a row per case. Each row says what is known and what
// is done. The code asks the table and acts, the log names the row, docs/operating/recovery.md is generated from it, and a
// test makes every row happen (recovery-cases.test.ts).
//
// The form is that of TigerBeetle's journal recovery (src/vsr/journal.zig, `recovery_cases`): the facts about a damaged
// place are a vector, each row has a pattern for it, and exactly one row fits any vector.
//
// Two rules stand behind all rows. What was acknowledged and is whole stays readable, unless the machine itself stopped and
// nothing says that what stands before it had reached the disk. And what is taken out of the log is set aside under a name
// that ends in `.damaged`, never deleted (set-aside.ts).
import { assert, type Logger } from '@throughline/event';

/** What is known about a place in a log where no whole batch stands that belongs there. */
export interface DamageFacts {
  /** `killed`: only the process ended. `crashed`: the machine may have stopped, and lost what was not synced. */
  readonly stop: Stop;
  /** Whether the place is below the recovery point; `unknown` when that is lost. */
  readonly wasSynced: 'yes' | 'no' | 'unknown';
  /** A whole batch, or another segment, stands behind it. */
  readonly isFollowed: boolean;
  /** The commit journal has the records from there on. */
  readonly isInJournal: boolean;
}

/** How the broker before this one ended. */
export type Stop = 'clean' | 'killed' | 'crashed';

/** The values that a row is for; any where a fact is left out. */
export type DamagePattern = { readonly [Fact in keyof DamageFacts]?: readonly DamageFacts[Fact][] };

interface RecoveryCase {
  readonly known: string;
  readonly done: string;
  /** Of the line in the log. */
  readonly level: 'info' | 'warn' | 'error';
  /** Of damage inside a log: which facts the row is for, and whether the log is cut there or goes on behind it. */
  readonly damage?: { readonly when: DamagePattern; readonly does: 'keep' | 'cut' };
}

const unclean = ['killed', 'crashed'] as const;
const notSynced = ['no', 'unknown'] as const;

export const recoveryCases = {
  'rot-below-recovery-point': {
    known:
      'The damaged place is below the recovery point, or is met while the broker runs: it was good once, and synced.',
    done: 'Nothing is taken out. Reading goes on behind the place.',
    level: 'error',
    damage: { when: { wasSynced: ['yes'] }, does: 'keep' },
  },
  'rot-after-clean-stop': {
    known: 'The stop was clean, so everything was synced, but the recovery point does not say so.',
    done: 'Nothing is taken out. Reading goes on behind the place.',
    level: 'error',
    damage: { when: { wasSynced: notSynced, stop: ['clean'] }, does: 'keep' },
  },
  'torn-tail': {
    known:
      'After an unclean stop, nothing whole stands behind the place, and it is not known to have been synced: a torn write.',
    done: 'The log ends before it; the bytes are set aside. The journal brings back what it has from there on.',
    level: 'warn',
    damage: { when: { stop: unclean, wasSynced: notSynced, isFollowed: [false] }, does: 'cut' },
  },
  'damage-in-journal': {
    known: 'After an unclean stop, whole records stand behind the place, and the journal has everything from there on.',
    done: 'The log ends before it; what stands behind is set aside. The journal brings back all of it.',
    level: 'warn',
    damage: {
      when: { stop: unclean, wasSynced: notSynced, isFollowed: [true], isInJournal: [true] },
      does: 'cut',
    },
  },
  'rot-after-kill': {
    known:
      'Only the process was killed, so the system kept all that was written. Whole records stand behind the place, and the journal has not got it.',
    done: 'Nothing is taken out. Reading goes on behind the place.',
    level: 'error',
    damage: {
      when: { stop: ['killed'], wasSynced: notSynced, isFollowed: [true], isInJournal: [false] },
      does: 'keep',
    },
  },
  'damage-of-unknown-age': {
    known:
      'The machine may have stopped, and the recovery point is lost: what was synced is not known. Whole records stand behind the place, and the journal has not got it.',
    done: 'Nothing is taken out. Reading goes on behind the place.',
    level: 'error',
    damage: {
      when: { stop: ['crashed'], wasSynced: ['unknown'], isFollowed: [true], isInJournal: [false] },
      does: 'keep',
    },
  },
  'unsynced-hole': {
    known:
      'The machine may have stopped, and the place is above the recovery point: it never reached the disk, and what stands behind it did. The journal has not got it.',
    done: 'The log ends before it, so that nobody sees a later record without an earlier one. What stands behind is set aside.',
    level: 'error',
    damage: {
      when: { stop: ['crashed'], wasSynced: ['no'], isFollowed: [true], isInJournal: [false] },
      does: 'cut',
    },
  },
  'synced-end-missing': {
    known: 'The log ends below its recovery point: records that were synced are gone.',
    done: 'Their offsets are not given out again: the log goes on at the recovery point, in a new segment.',
    level: 'error',
  },
  'segments-missing': {
    known: 'The folder of a partition has no segment, and its recovery point says that it had.',
    done: 'The partition is empty, and its offsets go on at the recovery point.',
    level: 'error',
  },
  'segments-overlap': {
    known: 'A segment begins before the end of the one before it.',
    done: 'The later segment is set aside, and the log goes on without it.',
    level: 'error',
  },
  'partition-folder-missing': {
    known: 'The folder of a partition that the metadata names is not there.',
    done: 'An empty one takes its place.',
    level: 'error',
  },
  'partition-id-lost': {
    known: 'A folder has the name of a partition, and its `partition.metadata` is missing or damaged.',
    done: 'The folder is taken for the one of that partition, and the file is written anew.',
    level: 'warn',
  },
  'folder-of-no-topic': {
    known: 'A folder has records and belongs to no topic, and nobody has deleted its topic.',
    done: 'The folder is set aside as `.stray`.',
    level: 'error',
  },
  'recovery-points-lost': {
    known: '`recovery-point-offset-checkpoint` is missing or damaged.',
    done: 'Every partition is checked from its beginning after an unclean stop. A damaged file is set aside.',
    level: 'warn',
  },
  'log-starts-lost': {
    known: '`log-start-offset-checkpoint` is damaged.',
    done: 'Each log begins with its first segment, so that records that were deleted up to the middle of one can be read again. The file is set aside.',
    level: 'warn',
  },
  'leader-epochs-lost': {
    known: '`leader-epoch-checkpoint` is missing, damaged, or not that of its log.',
    done: 'The epochs are found in the batches, and a new one begins.',
    level: 'warn',
  },
  'producers-lost': {
    known: 'A `.snapshot` of the producers is damaged.',
    done: 'It is set aside; the producers are found in the one before it and in the batches behind that.',
    level: 'warn',
  },
  'index-lost': {
    known: 'An `.index` or `.timeindex` is missing, damaged, or not that of its segment.',
    done: 'It is made again from the segment.',
    level: 'warn',
  },
  'records-in-journal': {
    known: 'The journal has acknowledged records that the segments have lost.',
    done: 'They are written to the segments again.',
    level: 'info',
  },
  'journal-damaged': {
    known:
      'After an unclean stop, a place in a file of the journal is damaged, and whole record batches of the same use of the file stand behind it.',
    done: 'The journal brings back what stands before the place. The rest is set aside and not used: it may never have been acknowledged.',
    level: 'error',
  },
  'journal-head-lost': {
    known:
      'After an unclean stop, the head of a file of the journal is damaged, and the first record batch behind it is whole.',
    done: 'The head is written anew, because the batch says what it said.',
    level: 'warn',
  },
  'journal-file-missing': {
    known: 'The numbers of the files of the journal have a gap: one is missing.',
    done: 'The others are used. The next file gets a number that none has, so that nothing is written over.',
    level: 'warn',
  },
  'journal-gap': {
    known: 'The journal goes on behind the end of a log, and what stood between is in neither.',
    done: 'What the journal has is kept, in a new segment. The missing offsets are not given out again.',
    level: 'error',
  },
} as const satisfies Readonly<Record<string, RecoveryCase>>;

export type RecoveryCaseName = keyof typeof recoveryCases;

export interface DamageDecision {
  readonly name: RecoveryCaseName;
  readonly does: 'keep' | 'cut';
}

const damageRows = Object.entries(recoveryCases as Readonly<Record<string, RecoveryCase>>).flatMap(
  ([name, { damage }]) => (damage === undefined ? [] : [{ name: name as RecoveryCaseName, ...damage }]),
);

/** The row for what is known about a damaged place. */
export function decideDamage(facts: DamageFacts): DamageDecision {
  const fitting = damageRows.filter(({ when }) => fits(facts, when));
  assert(fitting.length === 1, 'exactly one recovery case fits');
  return fitting[0]!;
}

function fits(facts: DamageFacts, pattern: DamagePattern): boolean {
  return Object.entries(pattern).every(([fact, values]) =>
    (values as readonly unknown[]).includes(facts[fact as keyof DamageFacts]),
  );
}

/** Writes a line to the log that names the case. */
export function noteCase(logger: Logger, name: RecoveryCaseName, fields: Readonly<Record<string, unknown>>): void {
  const { level, done } = recoveryCases[name];
  logger[level]({ case: name, ...fields }, `recovery case ${name}: ${done}`);
}
