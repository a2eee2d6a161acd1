// Reads one run back from the log: for a reply that is over, and for a reader that goes on in the middle of one. What is
// being written now is in memory (live-conversation.ts); this is the long way for everything else.
import { messageParts, reduceParts, reduceRun, runFrom, type Run, type UiChunk } from '@throughline/event';
import { LiveEvent } from '../live-event.ts';
import type { StreamReader } from '../stream-reader.ts';
import { endAfter, endChunks, type ReplyEnd } from './reply-chunk.ts';

export interface RunHistory {
  /** The events that count and add chunks, in order. */
  readonly events: readonly LiveEvent[];
  /** What its own chunks ended with. */
  readonly end: ReplyEnd;
  /** The ends of what it left open. */
  readonly closing: readonly UiChunk[];
}

/**
 * The part of `run` that is on the log before offset `to`.
 *
 * @throws ThroughlineError what reading the log throws
 */
export async function readRun(
  reader: StreamReader,
  conversationId: string,
  run: Run,
  to: bigint,
  generation: string,
): Promise<RunHistory> {
  const events: LiveEvent[] = [];
  const message = messageParts();
  let end: ReplyEnd = 'none';
  let replica: Run | undefined;
  for await (const records of reader.read(conversationId, BigInt(run.requestedOffset), to)) {
    for (const record of records) {
      const live = LiveEvent.of(record, generation);
      if (live === undefined || live.event.run !== run.id) continue;
      if (replica === undefined) {
        if (live.event.type === 'run-requested') replica = runFrom(live.event);
        continue;
      }
      if (reduceRun(replica, live.event) !== 'counts' || live.chunks.length === 0) continue;
      events.push(live);
      for (const chunk of live.chunks) {
        reduceParts(message, chunk);
        end = endAfter(end, chunk);
      }
    }
  }
  return { events, end, closing: endChunks(message.openTexts.keys(), message.openReasonings.keys()) };
}
