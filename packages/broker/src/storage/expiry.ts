// What of a partition has expired: whole segments, oldest first, by the age of their newest record or by the partition's
// size, as Apache Kafka has it (UnifiedLog.deleteOldSegments).
import type { TopicConfig } from '../ground/topic-config.ts';

/** What of a segment is looked at. */
export interface ExpiringSegment {
  readonly nextOffset: bigint;
  readonly sizeBytes: number;
  largestTimestampMs(): Promise<number>;
}

export interface ExpiringSegments {
  /** All but the active one, oldest first. */
  readonly sealed: readonly ExpiringSegment[];
  readonly active: ExpiringSegment;
  /** Of all of them. */
  readonly bytes: number;
}

type Retention = Pick<TopicConfig, 'retentionMs' | 'retentionBytes'>;

/** Where the closed segments end that have expired, from `startOffset` on, and whether the active one has, too. */
export async function expiredPoint(
  segments: ExpiringSegments,
  { retentionMs, retentionBytes }: Retention,
  startOffset: bigint,
  nowMs: number,
): Promise<{ readonly point: bigint; readonly isWhole: boolean }> {
  let point = startOffset;
  let { bytes } = segments;
  for (const segment of segments.sealed) {
    const isOverSize = retentionBytes !== null && bytes - segment.sizeBytes >= retentionBytes;
    if (!isOverSize && !(await isExpired(segment, retentionMs, nowMs))) return { point, isWhole: false };
    bytes -= segment.sizeBytes;
    if (segment.nextOffset > point) point = segment.nextOffset;
  }
  return { point, isWhole: await isExpired(segments.active, retentionMs, nowMs) };
}

/** True when the newest record of a segment is too old; an empty one has none. */
export async function isExpired(segment: ExpiringSegment, retentionMs: number | null, nowMs: number): Promise<boolean> {
  if (retentionMs === null || segment.sizeBytes === 0) return false;
  const largest = await segment.largestTimestampMs();
  return largest >= 0 && nowMs - largest > retentionMs;
}
