// Breaks in a topic's history: what was read is not the beginning of what will be read. A consumer never reads on over one
// by itself; its user says where to go on, or stands still with the reason.
import { ThroughlineError } from '@throughline/event';
import type { TopicDescription } from '@throughline/log';

export interface HistoryBreak {
  /**
   * `remade`: the topic was deleted and made again. `behind`: records are gone unseen (retention, DeleteRecords).
   * `changed`: the log has other records under offsets that were read. `code`: other code has made the state.
   * `asked`: no break, somebody asks for a replay.
   */
  readonly kind: 'remade' | 'behind' | 'changed' | 'code' | 'asked';
  /** The coded reason to stand still with. Undefined where the consumer can go on as before: it was at work when it was asked. */
  readonly error: ThroughlineError | undefined;
}

export function remade(name: string, topicId: string, found: TopicDescription): HistoryBreak {
  const { topic } = found;
  const error = new ThroughlineError('FOLD_LOG_CHANGED', `${name}: topic ${topic} was deleted and made again`, {
    details: { topic, storedTopicId: topicId, topicId: found.topicId },
  });
  return { kind: 'remade', error };
}

export function changed(name: string, topic: string, partition: number, cause?: ThroughlineError): HistoryBreak {
  const message = `${name}: ${topic}-${partition} has other records than were read`;
  const details = { ...cause?.details, topic, partition };
  return { kind: 'changed', error: new ThroughlineError('FOLD_LOG_CHANGED', message, { cause, details }) };
}

/** What an error of the log says of the history that was read up to `positions`; undefined when it says nothing of it. */
export function breakIn(name: string, error: ThroughlineError, positions: readonly bigint[]): HistoryBreak | undefined {
  const { partition, highWatermark } = error.details;
  const message = `${name}: ${error.message}`;
  const because = { cause: error, details: error.details };
  // KIP-320: the leader epoch of what was read last says that it is not on the log any more.
  if (error.code === 'LOG_DIVERGED')
    return { kind: 'changed', error: new ThroughlineError('FOLD_LOG_CHANGED', message, because) };
  if (error.code !== 'OFFSET_OUT_OF_RANGE') return undefined;
  const position = typeof partition === 'number' ? positions[partition] : undefined;
  const isBeyond = typeof highWatermark === 'string' && position !== undefined && position > BigInt(highWatermark);
  return isBeyond
    ? { kind: 'changed', error: new ThroughlineError('FOLD_LOG_CHANGED', message, because) }
    : { kind: 'behind', error: new ThroughlineError('FOLD_BEHIND_LOG', message, because) };
}

/** A state that may not be carried on, as the break that it is. */
export function breakOfMismatch(error: ThroughlineError): HistoryBreak {
  const kind = error.code === 'FOLD_CODE_CHANGED' ? 'code' : error.code === 'FOLD_BEHIND_LOG' ? 'behind' : 'changed';
  return { kind, error };
}

/** Whether offsets of before mean nothing after it. */
export function endsHistory(
  broken: HistoryBreak | undefined,
): broken is HistoryBreak & { readonly error: ThroughlineError } {
  return broken?.error !== undefined && (broken.kind === 'remade' || broken.kind === 'changed');
}
