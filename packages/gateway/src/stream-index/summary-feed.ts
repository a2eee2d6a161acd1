// Changed conversation summaries on their way to whoever shows the list.
import { encodeSse } from '../http/sse.ts';
import type { ConversationSummary } from './conversation-fold.ts';
import type { Incarnation } from './incarnation.ts';
import { formatToken } from './offset-token.ts';

/** Hands changed summaries to whoever shows the list; encoded once for all. */
export class SummaryFeed {
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  readonly #incarnation: Incarnation;

  constructor(incarnation: Incarnation) {
    this.#incarnation = incarnation;
  }

  listen(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(summaries: readonly ConversationSummary[]): void {
    if (this.#listeners.size === 0) return;
    for (const summary of summaries) {
      const bytes = encodeSse({
        event: 'summary',
        data: JSON.stringify(summaryJson(summary, this.#incarnation.generation)),
      });
      for (const listener of this.#listeners) listener(bytes);
    }
  }
}

/** A summary as clients see it: the position as an offset token. */
export function summaryJson(summary: ConversationSummary, generation: string): Readonly<Record<string, unknown>> {
  const { lastOffset, ...rest } = summary;
  return { ...rest, offset: formatToken(generation, lastOffset) };
}
