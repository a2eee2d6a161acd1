// Readers of a conversation's own events (`GET /v1/conversations/:id/events`): first what is on the log after their offset,
// page by page as fast as they take it, then live. A reader that falls behind leaves the live feed and goes back to reading
// the log, so that however slow it is, no more waits for it than its queue.
import { conversationOf, type LogRecord } from '@throughline/event';
import { encodeSse, type EventStream } from '../http/sse.ts';
import { formatToken } from '../stream-index/offset-token.ts';
import type { ConversationsOfTopic } from './conversations-of-topic.ts';
import type { LiveConversation } from './live-conversation.ts';
import { LiveEvent } from './live-event.ts';

/**
 * Feeds `stream` with the events of a conversation from offset `from` on, until the stream closes.
 *
 * @throws ThroughlineError what reading the log throws
 */
export async function feedEvents(
  { reader, tail, incarnation, summaries }: ConversationsOfTopic,
  live: LiveConversation,
  stream: EventStream,
  from: bigint,
): Promise<void> {
  const { generation } = incarnation;
  const { id } = live.conversation;
  const partition = reader.partitionOf(id);
  const stopSummaries = summaries.listen((bytes) => {
    // A summary that does not fit is left out: the next change brings a newer one.
    if (!stream.isFull) stream.write(bytes);
  });
  stream.closed.addEventListener('abort', stopSummaries, { once: true });
  let next = from;
  let isFirst = true;
  while (stream.isOpen) {
    const to = tail.position(partition);
    for await (const records of reader.read(id, next, to)) {
      writeAll(stream, records, generation);
      await stream.drained();
      if (!stream.isOpen) return;
    }
    next = next > to ? next : to;
    // Nothing came while this turn went on to here, so listening from now on misses nothing.
    if (tail.position(partition) > to) continue;
    if (isFirst) stream.write(encodeSse({ id: formatToken(generation, next - 1n), event: 'caught-up', data: '{}' }));
    isFirst = false;
    next = await followLive(live, stream, next);
    await stream.drained();
  }
}

/** Writes live events until the reader is full or gone; resolves with the offset to go on from. */
function followLive(live: LiveConversation, stream: EventStream, from: bigint): Promise<bigint> {
  return new Promise((resolve) => {
    let next = from;
    const leave = (): void => {
      stop();
      stream.closed.removeEventListener('abort', leave);
      resolve(next);
    };
    const stop = live.listen((event) => {
      if (event.event.at.offset < next) return;
      next = event.event.at.offset + 1n;
      stream.write(event.eventBytes);
      if (stream.isFull) leave();
    });
    stream.closed.addEventListener('abort', leave);
  });
}

function writeAll(stream: EventStream, records: readonly LogRecord[], generation: string): void {
  for (const record of records) {
    const event = LiveEvent.of(record, generation);
    if (event !== undefined && conversationOf(event.event.stream) !== undefined) stream.write(event.eventBytes);
  }
}
