// What all segments of a broker share.
import type { Logger } from '@throughline/event';
import type { ActiveFiles } from './active-files.ts';
import type { Disk } from '../disk/disk.ts';
import type { OpenSegments } from './open-segments.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface SegmentEnvironment {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly openSegments: OpenSegments;
  readonly activeFiles: ActiveFiles;
  readonly readBuffers: ReadBuffers;
  /** Bytes read at a time while a segment is checked. */
  readonly recoveryReadBytes: number;
  /** Bytes of an active segment up to which its indexes are not stored: a start reads it as a whole. */
  readonly unindexedBytesMax: number;
  /** Offsets may be missing between batches: the topic is compacted. */
  readonly isSparse: boolean;
}
