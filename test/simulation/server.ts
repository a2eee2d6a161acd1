// A broker as the nemesis sees it, and what all simulated ones have in common.
import type { Life } from './world.ts';

export interface Server {
  /** Starts in a new life; rejects when it dies meanwhile or the disk does not let it. */
  start(life: Life): Promise<void>;
  /** A clean stop. */
  stop(): Promise<void>;
}

export const topicName = 't';

/** Small, so that everything that happens when something is full happens often. */
export const simulationLimits = {
  journalFileBytes: 16_384,
  journalFileCountMax: 3,
  recoveryReadBytes: 1024,
  openSegmentCountMax: 2,
  tailCacheBytesMax: 4096,
  partitionTailCacheBytesMax: 2048,
  checkpointIntervalMs: 200,
} as const;
