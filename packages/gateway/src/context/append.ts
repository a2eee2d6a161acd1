// The gateway's one way to write: append, and wait until its own tail has handed the records on. What is answered after
// that is true of every later request to this gateway.
import { ThroughlineError, type ProducerRecord } from '@throughline/event';
import type { GatewayContext } from './context.ts';

/**
 * Appends records of one conversation.
 *
 * @returns the offset of the last
 * @throws ThroughlineError what `Log.append` throws; TOPIC_DELETED, FOLD_LOG_CHANGED, CLOSED
 */
export async function appendRecords(
  context: Pick<GatewayContext, 'log' | 'topic' | 'conversations' | 'metrics'>,
  records: readonly ProducerRecord[],
): Promise<bigint> {
  const { tail } = context.conversations;
  if (tail.topicProblem !== undefined) throw tail.topicProblem;
  const acks = await context.log.append(context.topic, records);
  context.metrics.appended(records.length);
  const last = acks.at(-1);
  if (last === undefined) throw new ThroughlineError('INTERNAL', 'an append without acknowledgement');
  await tail.reached(last.partition, last.offset);
  return last.offset;
}
