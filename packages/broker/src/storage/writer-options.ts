// What a partition and its writing side are made with.
import type { Logger } from '@throughline/event';
import type { BrokerLimits } from '../defaults.ts';
import type { SnapshotFiles } from '../producers/snapshot-files.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import type { AdmissionOptions } from './append-admission.ts';
import type { CommitJournal } from './commit-journal.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { Partition } from './partition-log.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Segments } from './segments.ts';
import type { TailCache, TailCacheBudget } from './tail-cache.ts';

export interface WriterOptions extends AdmissionOptions {
  readonly topic: string;
  readonly partition: number;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly config: TopicConfig;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly tail: TailCache;
  readonly journal: CommitJournal;
  readonly limits: BrokerLimits;
  readonly isSealed: boolean;
  readonly logger: Logger;
  /** Stores what is known of the producers where the segments end. */
  readonly storeSnapshot: () => Promise<void>;
  /** Called when the high watermark has moved, and when the partition has gone offline. */
  readonly onChange: () => void;
}

export interface PartitionOptions extends Omit<
  WriterOptions,
  'tail' | 'onChange' | 'logStartOffset' | 'storeSnapshot'
> {
  readonly snapshots: SnapshotFiles;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
  readonly tailCacheBudget: TailCacheBudget;
  readonly readBuffers: ReadBuffers;
  /** Stores which leader epochs have begun where. */
  readonly storeEpochs: () => Promise<void>;
  /** Notes durably in which epoch it is sealed, or with null that it is open again. */
  readonly noteSeal: (epoch: number | null) => Promise<void>;
  /** Syncs what is closed, and notes durably up to where. */
  readonly noteRecoveryPoint: (partition: Partition) => Promise<void>;
  /** Notes durably where the log will begin. */
  readonly noteLogStart: (partition: Partition, offset: bigint) => Promise<void>;
}

/** A change of config that is ready to be made: it is one or the other, and neither can fail. */
export interface PreparedConfig {
  readonly apply: () => void;
  readonly withdraw: () => void;
}
