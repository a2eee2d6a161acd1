// Whether a stored state may be carried on: it must come from this topic in this incarnation, from this code and from these
// records, and the log must still have every record after it. If not, carrying on would mix two histories in silence.
import { createHash } from 'node:crypto';
import { ThroughlineError } from '@throughline/event';
import { checkHistory, unknownEpoch, type Log, type ReadPosition, type TopicDescription } from '@throughline/log';
import { hasMarked, offsetOfMark } from './consumer/record-mark.ts';
import type { Checkpoint } from './store.ts';

/** Reasons for which a stored state may not be carried on; each is healed by a replay. */
export type FoldMismatch = 'FOLD_CODE_CHANGED' | 'FOLD_LOG_CHANGED' | 'FOLD_BEHIND_LOG';

/**
 * What forbids to carry `stored` on, or undefined when nothing does.
 *
 * @returns an error of code FOLD_LOG_CHANGED, FOLD_CODE_CHANGED or FOLD_BEHIND_LOG
 */
export async function mismatch(
  stored: Checkpoint,
  log: Log,
  description: TopicDescription,
  codeVersion: string,
): Promise<(ThroughlineError & { code: FoldMismatch }) | undefined> {
  const { name, topic } = stored;
  if (topic !== description.topic || stored.topicId !== description.topicId) {
    return mismatchOf('FOLD_LOG_CHANGED', `fold ${name}: its state is of ${topic} in another incarnation`, {
      storedTopicId: stored.topicId,
      topicId: description.topicId,
    });
  }
  if (stored.codeVersion !== codeVersion) {
    return mismatchOf('FOLD_CODE_CHANGED', `fold ${name}: its state was made by code ${stored.codeVersion}`, {
      storedCodeVersion: stored.codeVersion,
      codeVersion,
    });
  }
  for (const [partition, offset] of stored.offsets.entries()) {
    const { logStartOffset = 0n, highWatermark = 0n } = description.partitions[partition] ?? {};
    const details = {
      partition,
      storedOffset: String(offset),
      logStartOffset: String(logStartOffset),
      highWatermark: String(highWatermark),
    };
    if (offset < logStartOffset)
      return mismatchOf('FOLD_BEHIND_LOG', `fold ${name}: records of ${topic}-${partition} are gone unseen`, details);
    // A log that ends before what was folded from it has lost records (a crash at durability memory or os) or was restored
    // from an older copy: what it appends next is another history under the same offsets.
    if (offset > highWatermark)
      return mismatchOf('FOLD_LOG_CHANGED', `fold ${name}: it is ahead of ${topic}-${partition}`, details);
    const mark = stored.marks[partition] ?? null;
    // A checkpoint that stays behind open work has marks, and their epochs, beyond its offsets.
    const readTo = mark === null || offsetOfMark(mark) < offset ? offset : offsetOfMark(mark) + 1n;
    const lastEpoch = stored.lastEpochs[partition] ?? unknownEpoch;
    const cause = await diverges(log, { topic, partition, offset: readTo, lastEpoch });
    if (cause !== undefined)
      return mismatchOf('FOLD_LOG_CHANGED', `fold ${name}: ${cause.message}`, { ...details, ...cause.details });
    // Retention has removed the marked record itself: nothing is left to compare.
    if (mark === null || offsetOfMark(mark) < logStartOffset) continue;
    if (offsetOfMark(mark) >= highWatermark || !(await hasMarked(log, topic, partition, mark)))
      return mismatchOf(
        'FOLD_LOG_CHANGED',
        `fold ${name}: ${topic}-${partition} has another record than was folded`,
        details,
      );
  }
  return undefined;
}

/** The error of the log's history (KIP-320) when it does not have the records before `position` any more. */
async function diverges(log: Log, position: ReadPosition): Promise<ThroughlineError | undefined> {
  const { topic, partition, lastEpoch } = position;
  if (lastEpoch === unknownEpoch) return undefined;
  try {
    checkHistory(position, await log.admin.endOfEpoch(topic, partition, lastEpoch));
    return undefined;
  } catch (error) {
    if (ThroughlineError.is(error, 'LOG_DIVERGED')) return error;
    throw error;
  }
}

/** What a fold failed with, in its own words: retention that overtakes it while it runs is FOLD_BEHIND_LOG. */
export function explain(name: string, thrown: unknown): ThroughlineError {
  if (!ThroughlineError.is(thrown)) return ThroughlineError.from(thrown);
  const message = `fold ${name}: ${thrown.message}`;
  if (thrown.code === 'LOG_DIVERGED')
    return new ThroughlineError('FOLD_LOG_CHANGED', message, { cause: thrown, details: thrown.details });
  if (thrown.code !== 'OFFSET_OUT_OF_RANGE') return thrown;
  return new ThroughlineError('FOLD_BEHIND_LOG', message, { cause: thrown, details: thrown.details });
}

/**
 * The checkpoint of a new owner: whoever owned this state before finds itself fenced at its next commit. A state that must
 * be replayed keeps its own identity until the swap.
 */
export function claimOf(
  stored: Checkpoint | undefined,
  isMismatch: boolean,
  present: { readonly name: string; readonly codeVersion: string; readonly description: TopicDescription },
): Checkpoint {
  if (stored !== undefined && isMismatch) return { ...stored, fencingEpoch: stored.fencingEpoch + 1 };
  const { name, codeVersion, description } = present;
  const { topic, topicId, partitions } = description;
  return {
    name,
    topic,
    topicId,
    codeVersion,
    fencingEpoch: (stored?.fencingEpoch ?? 0) + 1,
    // A partition that was added since starts at its first record.
    offsets: partitions.map((found) => stored?.offsets[found.partition] ?? found.logStartOffset),
    marks: partitions.map((found) => stored?.marks[found.partition] ?? null),
    lastEpochs: partitions.map((found) => stored?.lastEpochs[found.partition] ?? unknownEpoch),
    skippedRecords: stored?.skippedRecords ?? 0,
    damagedRecords: stored?.damagedRecords ?? 0,
  };
}

/**
 * A version for the code of a reducer: a hash of its sources and settings. What these call in turn is not in it; a
 * reducer that leans on other code is better off with a version that people count up.
 *
 * @example codeVersionOf(reduce, { limit: 10 })
 */
export function codeVersionOf(...parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const text = typeof part === 'function' ? String(part) : JSON.stringify(part);
    hash.update(`${text.length}:${text};`);
  }
  return hash.digest('hex').slice(0, 16);
}

function mismatchOf(
  code: FoldMismatch,
  message: string,
  details: Readonly<Record<string, unknown>>,
): ThroughlineError & { code: FoldMismatch } {
  return new ThroughlineError(code, message, { details }) as ThroughlineError & { code: FoldMismatch };
}
