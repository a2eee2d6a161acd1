// Reads one run back from the log: for a reply that is over, for a reader that goes on in the middle of one, and for one that
// was too slow for the live feed. What is being written now is in memory (live/live-conversation.ts); this is the long way.
import { reduceRun, runFrom, type Run } from '@throughline/event';
import { LiveEvent } from '../live/live-event.ts';
import type { StreamReader } from '../stream-index/stream-reader.ts';

/** Where reading begins: at the run's request, or behind an offset at which the run stood as `run` says. */
export interface RunPosition {
  readonly offset: bigint;
  readonly run: Run | undefined;
}

/** The position before the first event of `run`. */
export function beginOf(run: Run): RunPosition {
  return { offset: BigInt(run.requestedOffset) - 1n, run: undefined };
}

/**
 * The events of a run that count and add chunks, after `position` and before offset `to`.
 *
 * @throws ThroughlineError what reading the log throws
 */
export async function readRun(
  reader: StreamReader,
  conversationId: string,
  runId: string,
  position: RunPosition,
  to: bigint,
  generation: string,
): Promise<LiveEvent[]> {
  const events: LiveEvent[] = [];
  let run = position.run;
  for await (const records of reader.read(conversationId, position.offset + 1n, to)) {
    for (const record of records) {
      const live = LiveEvent.of(record, generation);
      if (live === undefined || live.event.run !== runId) continue;
      if (run === undefined) {
        if (live.event.type === 'run-requested') run = runFrom(live.event);
      } else if (reduceRun(run, live.event) === 'counts' && live.chunks.length > 0) events.push(live);
    }
  }
  return events;
}
