// From AI SDK UI message chunks (ai 7, `UIMessageChunk`) to the `parts` and `metadata` of a UI message: the same result
// as the AI SDK's own reader gives (its `readUIMessageStream` is the oracle of the test), with two differences of
// cost. A delta is O(1) in the length of the message and of its text, and the input of a tool that is still streaming is
// kept as raw text: `toUiPart` parses it when somebody looks.
//
// The reducer is total. A chunk that does not fit (a delta without its start, an unknown tool call, an unknown type)
// changes nothing and is counted.
import {
  close,
  ignored,
  open,
  pick,
  push,
  replace,
  type Fields,
  type MessageParts,
  type PartsChange,
} from './message-parts.ts';
import { reduceToolParts } from './reduce-tool-parts.ts';
import type { UiChunk } from './run-events.ts';

/**
 * Applies one chunk to `message`.
 *
 * @example
 * const message = messageParts();
 * reduceParts(message, { type: 'text-start', id: '1' });
 * reduceParts(message, { type: 'text-delta', id: '1', delta: 'Hello' });
 * message.parts; // [{ type: 'text', text: 'Hello', state: 'streaming' }]
 */
export function reduceParts(message: MessageParts, chunk: UiChunk): PartsChange {
  switch (chunk.type) {
    case 'text-delta':
      return appendText(message, message.openTexts, chunk);
    case 'reasoning-delta':
      return appendText(message, message.openReasonings, chunk);
    case 'text-start':
      open(message, 'openTexts', keyOf(chunk['id']), message.parts.length);
      return push(message, { type: 'text', text: '', ...pick(chunk, 'providerMetadata'), state: 'streaming' });
    case 'text-end':
      return endText(message, 'openTexts', chunk, pick(chunk, 'citations', 'providerMetadata'));
    case 'reasoning-start':
      open(message, 'openReasonings', keyOf(chunk['id']), message.parts.length);
      return push(message, {
        type: 'reasoning',
        ...pick(chunk, 'id', 'providerMetadata'),
        text: '',
        state: 'streaming',
      });
    case 'reasoning-end':
      return endText(message, 'openReasonings', chunk, pick(chunk, 'providerMetadata'));
    case 'custom':
      return push(message, { type: chunk.type, ...pick(chunk, 'kind', 'providerMetadata') });
    case 'file':
    case 'reasoning-file':
      return push(message, { type: chunk.type, ...pick(chunk, 'mediaType', 'url', 'providerMetadata') });
    case 'source-url':
      return push(message, { type: chunk.type, ...pick(chunk, 'sourceId', 'url', 'title', 'providerMetadata') });
    case 'source-document':
      return push(message, {
        type: chunk.type,
        ...pick(chunk, 'sourceId', 'mediaType', 'title', 'filename', 'providerMetadata'),
      });
    case 'steering-message':
      return push(message, { type: chunk.type, ...pick(chunk, 'id', 'parts') });
    case 'start-step':
      push(message, { type: 'step-start' });
      message.stepStart = message.parts.length;
      return 'structure';
    case 'reset-step':
      return resetStep(message);
    case 'finish':
      if (typeof chunk['finishReason'] === 'string') message.finishReason = chunk['finishReason'];
      return addMetadata(message, chunk['messageMetadata']);
    case 'start':
    case 'message-metadata':
      return addMetadata(message, chunk['messageMetadata']);
    case 'finish-step':
    case 'abort':
    case 'error':
      // They say how the stream goes on, which is the run's business and not the message's.
      return 'nothing';
    default:
      if (typeof chunk.type !== 'string') return ignored(message);
      if (chunk.type.startsWith('tool-')) return reduceToolParts(message, chunk);
      return chunk.type.startsWith('data-') ? setData(message, chunk) : ignored(message);
  }
}

function appendText(message: MessageParts, open: ReadonlyMap<string, number>, chunk: UiChunk): PartsChange {
  const index = open.get(chunk['id'] as string);
  const delta = chunk['delta'];
  const part = index === undefined ? undefined : message.parts[index];
  if (index === undefined || part === undefined || typeof delta !== 'string') return ignored(message);
  const text = (part['text'] as string) + delta;
  const metadata = chunk['providerMetadata'];
  message.parts[index] = metadata === undefined ? { ...part, text } : { ...part, text, providerMetadata: metadata };
  return index;
}

/** An id as the key of a map. What is no id at all (an object without a `toString`, for instance) still has one. */
function keyOf(id: unknown): string {
  return typeof id === 'string' ? id : (JSON.stringify(id) ?? 'undefined');
}

function endText(
  message: MessageParts,
  kind: 'openTexts' | 'openReasonings',
  chunk: UiChunk,
  fields: Fields,
): PartsChange {
  const id = keyOf(chunk['id']);
  const index = message[kind].get(id);
  if (index === undefined) return ignored(message);
  close(message, kind, id);
  return replace(message, index, { ...fields, state: 'done' });
}

function resetStep(message: MessageParts): PartsChange {
  close(message, 'openTexts');
  close(message, 'openReasonings');
  close(message, 'openToolInputs');
  if (message.parts.length === message.stepStart) return 'nothing';
  message.parts.length = message.stepStart;
  return 'structure';
}

function setData(message: MessageParts, chunk: UiChunk): PartsChange {
  if (chunk['transient'] === true) return 'nothing';
  const { id } = chunk;
  const index =
    id === undefined ? -1 : message.parts.findIndex((part) => part.type === chunk.type && part['id'] === id);
  return index < 0 ? push(message, { ...chunk }) : replace(message, index, { data: chunk['data'] });
}

function addMetadata(message: MessageParts, metadata: unknown): PartsChange {
  if (metadata === undefined || metadata === null) return 'nothing';
  message.metadata = merge(message.metadata ?? undefined, metadata);
  return 'metadata';
}

function merge(base: unknown, extra: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(extra)) return extra;
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(extra)) {
    // Metadata comes from outside: it must not reach a prototype.
    if (name === '__proto__' || name === 'constructor' || name === 'prototype' || value === undefined) continue;
    merged[name] = merge(merged[name], value);
  }
  return merged;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
