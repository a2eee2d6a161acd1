// The chunks of a UI message stream that the gateway itself adds around those of the function: the begin and the end of a
// reply (ai 7, UI message stream v1). Everything in between is passed on as it is.
import type { Run, UiChunk } from '@throughline/event';

/** How the chunks of a reply have ended so far: with none of the terminal ones, or with the last of them. */
export type ReplyEnd = 'none' | 'finish' | 'abort' | 'error';

/**
 * The begin of the reply. The gateway writes it, not the function: its message id must be the same in every attempt, for
 * every reader and in the conversation, which is what makes a replay replace the message instead of adding one.
 */
export function startChunk(run: Run): UiChunk {
  return { type: 'start', messageId: run.replyId };
}

/** A function's chunk as readers get it: of its own `start`, only the metadata. */
export function replyChunk(chunk: UiChunk): UiChunk | undefined {
  if (chunk.type !== 'start') return chunk;
  const metadata = chunk['messageMetadata'];
  return metadata === undefined ? undefined : { type: 'message-metadata', messageMetadata: metadata };
}

/** What the reply has ended with after `chunk`. */
export function endAfter(end: ReplyEnd, chunk: UiChunk): ReplyEnd {
  return chunk.type === 'finish' || chunk.type === 'abort' || chunk.type === 'error' ? chunk.type : end;
}

/**
 * The chunk that must still be said when `run` has ended, so that no client can take it for anything else.
 *
 * @param end what the function's own chunks ended with
 */
export function terminalChunk(run: Run, end: ReplyEnd): UiChunk | undefined {
  switch (run.outcome) {
    case 'done':
      return end === 'none' ? { type: 'finish' } : undefined;
    case 'stopped':
      return end === 'abort' ? undefined : { type: 'abort', reason: 'stopped' };
    case 'failed': {
      if (end === 'error') return undefined;
      const error = run.ended?.error;
      return { type: 'error', errorText: `${error?.code ?? 'INTERNAL'}: ${error?.message ?? 'the run failed'}` };
    }
    default:
      return undefined;
  }
}

/** The ends of the texts that a run left open: nothing more will be added to them. */
export function endChunks(openTexts: Iterable<string>, openReasonings: Iterable<string>): UiChunk[] {
  return [
    ...Array.from(openTexts, (id): UiChunk => ({ type: 'text-end', id })),
    ...Array.from(openReasonings, (id): UiChunk => ({ type: 'reasoning-end', id })),
  ];
}
