// What the supervisor has to know of AI SDK UI message chunks: which end a stream, which are deltas and of what. All else
// about them is opaque and passed on as it came. Source: `UIMessageChunk` of ai 7; docs/PROTOCOL.md §3.2.
import { errorTable, usageSchema, type ErrorCode, type UiChunk } from '@throughline/event';

/** For each type of delta, the field that names its part and the field that has its text. */
export const deltaFields: Readonly<Record<string, { readonly id: string; readonly text: string }>> = {
  'text-delta': { id: 'id', text: 'delta' },
  'reasoning-delta': { id: 'id', text: 'delta' },
  'tool-input-delta': { id: 'toolCallId', text: 'inputTextDelta' },
};

/** Begins and ends of what other chunks show. */
const unshown = new Set([
  'start',
  'start-step',
  'text-start',
  'reasoning-start',
  'text-end',
  'reasoning-end',
  'finish-step',
  'message-metadata',
]);

/** Whether a reader sees anything new with a chunk. */
export function isShown(chunk: UiChunk): boolean {
  return !unshown.has(chunk.type);
}

/** How a chunk ends its stream, or undefined when more may follow. */
export function terminalOf(chunk: UiChunk): 'finish' | 'abort' | 'error' | undefined {
  return chunk.type === 'finish' || chunk.type === 'abort' || chunk.type === 'error' ? chunk.type : undefined;
}

/** What is wrong with a value that should be a UI message chunk; undefined when it is one. */
export function chunkProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an event is no JSON object';
  const chunk = value as Record<string, unknown>;
  if (typeof chunk['type'] !== 'string' || chunk['type'] === '') return 'a chunk has no type';
  const delta = deltaFields[chunk['type']];
  if (delta !== undefined && (typeof chunk[delta.id] !== 'string' || typeof chunk[delta.text] !== 'string')) {
    return `a ${chunk['type']} chunk needs the strings "${delta.id}" and "${delta.text}"`;
  }
  if (chunk['type'] === 'error' && typeof chunk['errorText'] !== 'string') return 'an error chunk has no errorText';
  return undefined;
}

/** What a reply cost, as far as its chunks have said so. */
export interface ReplyMetadata {
  model?: string;
  usage?: { inputTokens?: number; outputTokens?: number; reasoningTokens?: number; cachedInputTokens?: number };
  costUsd?: number;
}

/** Takes model, usage and cost out of a chunk's `messageMetadata`; what does not fit `run-ended` is left out. */
export function noteMetadata(into: ReplyMetadata, chunk: UiChunk): void {
  const found = chunk['messageMetadata'];
  if (typeof found !== 'object' || found === null) return;
  const { model, usage, costUsd } = found as Record<string, unknown>;
  if (typeof model === 'string' && model.length <= 256) into.model = model;
  if (typeof costUsd === 'number' && Number.isFinite(costUsd) && costUsd >= 0) into.costUsd = costUsd;
  if (typeof usage !== 'object' || usage === null) return;
  const counts: Record<string, unknown> = {};
  for (const name of ['inputTokens', 'outputTokens', 'reasoningTokens', 'cachedInputTokens']) {
    const value = (usage as Record<string, unknown>)[name];
    if (value !== undefined && value !== null) counts[name] = value;
  }
  if (usageSchema.problem(counts, '') === undefined) into.usage = counts;
}

/** The code and message of an `error` chunk's text, which may begin with `CODE: `. */
export function errorOf(text: string): { code: ErrorCode; message: string } {
  const match = /^([A-Z][A-Z_]+): (.*)$/s.exec(text);
  const code = match?.[1];
  if (code !== undefined && isErrorCode(code)) return { code, message: match?.[2] ?? '' };
  return { code: 'FUNCTION_ERROR', message: text };
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
