// What the writing side of a partition is made with.
import type { Logger } from '@throughline/event';
import type { BrokerLimits } from '../defaults.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import type { AdmissionOptions } from './append-admission.ts';
import type { CommitJournal } from './commit-journal.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { Segments } from './segments.ts';
import type { TailCache } from './tail-cache.ts';

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

/** A change of config that is ready to be made: it is one or the other, and neither can fail. */
export interface PreparedConfig {
  readonly apply: () => void;
  readonly withdraw: () => void;
}
