// Compacted replay (research: 5,000 deltas cost a client 213 ms and 5,003 updates; one delta per part costs 6 ms and 4).
// The chunks of a reply are rewritten into fewer that give the same UI message:
//
//   * deltas of one text, reasoning or tool input become one delta, in the place of the first;
//   * of data parts with the same type and id, the last value takes the place of the first, as the AI SDK's own reader
//     would leave it; of transient ones (which are no part of the message) only the last is kept.
//
// A merge never crosses a chunk that could change what the merged ones mean: another chunk of the same text or tool call,
// a step's begin or reset, a further `start`. Everything else is passed on as it is, unknown types too.
import type { UiChunk } from '@throughline/event';

/** Merges the chunks of one reply as they come, so that a replay is ready at any moment. */
export class ChunkCompactor {
  readonly #chunks: UiChunk[] = [];
  /** Where the chunk stands that the next one of the same key is merged into. */
  readonly #open = new Map<string, number>();

  /** The chunks that say the same as all that were pushed. */
  get chunks(): readonly UiChunk[] {
    return this.#chunks;
  }

  push(chunk: UiChunk): void {
    const target = this.#targetOf(chunk);
    if (target === undefined) {
      this.#chunks.push(chunk);
      return;
    }
    const index = this.#open.get(target);
    const earlier = index === undefined ? undefined : this.#chunks[index];
    if (index === undefined || earlier === undefined) {
      this.#open.set(target, this.#chunks.length);
      this.#chunks.push(chunk);
    } else {
      this.#chunks[index] = merge(earlier, chunk);
    }
  }

  /** The key of what `chunk` may be merged with; forgets the keys that it closes. */
  #targetOf(chunk: UiChunk): string | undefined {
    switch (chunk.type) {
      case 'text-delta':
      case 'reasoning-delta':
        return typeof chunk['delta'] === 'string' ? `${chunk.type} ${idOf(chunk)}` : undefined;
      case 'tool-input-delta':
        return typeof chunk['inputTextDelta'] === 'string' ? `tool ${idOf(chunk, 'toolCallId')}` : undefined;
      case 'text-start':
      case 'text-end':
        this.#open.delete(`text-delta ${idOf(chunk)}`);
        return undefined;
      case 'reasoning-start':
      case 'reasoning-end':
        this.#open.delete(`reasoning-delta ${idOf(chunk)}`);
        return undefined;
      case 'start':
      case 'start-step':
      case 'reset-step':
        this.#open.clear();
        return undefined;
      default:
        if (chunk.type.startsWith('data-')) return dataTarget(chunk);
        if (chunk['toolCallId'] !== undefined) this.#open.delete(`tool ${idOf(chunk, 'toolCallId')}`);
        return undefined;
    }
  }
}

/**
 * Fewer chunks with the same meaning.
 *
 * @example
 * compactChunks([{ type: 'text-delta', id: '1', delta: 'a' }, { type: 'text-delta', id: '1', delta: 'b' }]);
 * // [{ type: 'text-delta', id: '1', delta: 'ab' }]
 */
export function compactChunks(chunks: Iterable<UiChunk>): readonly UiChunk[] {
  const compactor = new ChunkCompactor();
  for (const chunk of chunks) compactor.push(chunk);
  return compactor.chunks;
}

/** What tells one text, tool call or data part from another; clients send strings, and nothing else would merge rightly. */
function idOf(chunk: UiChunk, field: 'id' | 'toolCallId' = 'id'): string {
  return JSON.stringify(chunk[field] ?? null);
}

function dataTarget(chunk: UiChunk): string | undefined {
  if (chunk['transient'] === true) return `transient ${chunk.type} ${idOf(chunk)}`;
  return chunk['id'] === undefined || chunk['id'] === null ? undefined : `${chunk.type} ${idOf(chunk)}`;
}

function merge(earlier: UiChunk, later: UiChunk): UiChunk {
  if (later.type.startsWith('data-')) return later['transient'] === true ? later : { ...earlier, data: later['data'] };
  const field = later.type === 'tool-input-delta' ? 'inputTextDelta' : 'delta';
  return { ...earlier, ...later, [field]: String(earlier[field]) + String(later[field]) };
}
