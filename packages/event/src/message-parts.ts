// The content of a message while it is built: parts, metadata, and what the next chunk needs to know.
//
// A part is an immutable value in a mutable array: a chunk that changes a part puts a new one in its place, so whoever
// kept the old one can tell by identity what has changed. Text grows by `+`, which engines keep as a rope.
import { parsePartialJson } from './partial-json.ts';
import type { UiChunk } from './run-events.ts';

/** A part of an AI SDK UI message. */
export interface UiPart {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The content of a message, and what its next chunk needs to know. */
export interface MessageParts {
  readonly parts: UiPart[];
  metadata: unknown;
  /** Why the model stopped (`stop`, `length`, …), once the stream has said so. */
  finishReason: string | undefined;
  /** Where the parts of the current step begin. */
  stepStart: number;
  /** Index of the part that a chunk id (texts, reasonings) or a tool call id (tool inputs) still writes to. */
  openTexts: ReadonlyMap<string, number>;
  openReasonings: ReadonlyMap<string, number>;
  openToolInputs: ReadonlyMap<string, number>;
  /** Chunks that did not fit or that this version does not know. */
  ignoredChunks: number;
}

/** What a chunk changed: the part of that index, the number of parts, only the metadata, or nothing. */
export type PartsChange = number | 'structure' | 'metadata' | 'nothing';

/** Shared by all messages to which nothing is being written: three maps of their own would be most of their size. */
const noneOpen: ReadonlyMap<string, number> = new Map();
type OpenKind = 'openTexts' | 'openReasonings' | 'openToolInputs';

/** Notes that chunks of `id` write to the part at `index` from now on. */
export function open(message: MessageParts, kind: OpenKind, id: string, index: number): void {
  if (message[kind] === noneOpen) message[kind] = new Map([[id, index]]);
  else (message[kind] as Map<string, number>).set(id, index);
}

/** Forgets what chunks of `id` write to, or of all ids. */
export function close(message: MessageParts, kind: OpenKind, id?: string): void {
  if (message[kind] === noneOpen) return;
  if (id !== undefined) (message[kind] as Map<string, number>).delete(id);
  if (id === undefined || message[kind].size === 0) message[kind] = noneOpen;
}

/** An empty message, or one that was written whole. */
export function messageParts(parts: readonly UiPart[] = [], metadata?: unknown): MessageParts {
  return {
    parts: [...parts],
    metadata,
    finishReason: undefined,
    stepStart: 0,
    openTexts: noneOpen,
    openReasonings: noneOpen,
    openToolInputs: noneOpen,
    ignoredChunks: 0,
  };
}

/** A part as an AI SDK UI message has it: the input of a streaming tool call is parsed as far as it has come. */
export function toUiPart(part: UiPart): UiPart {
  const raw = part['rawInput'];
  if (part['state'] !== 'input-streaming' || typeof raw !== 'string') return part;
  const input = part['inputEncoding'] === 'text' ? raw : parsePartialJson(raw);
  return input === undefined ? part : { ...part, input };
}

/** Counts a chunk that changes nothing. */
export function ignored(message: MessageParts): 'nothing' {
  message.ignoredChunks++;
  return 'nothing';
}

/** Adds a part at the end. */
export function push(message: MessageParts, part: UiPart): 'structure' {
  message.parts.push(part);
  return 'structure';
}

/** Some fields of a part. */
export type Fields = Readonly<Record<string, unknown>>;

/** Puts a part with other fields in its place; a field that is given as undefined goes. */
export function replace(message: MessageParts, index: number, fields: Fields): number {
  const next: Record<string, unknown> = { ...message.parts[index], ...fields };
  for (const name in fields) if (fields[name] === undefined) delete next[name];
  message.parts[index] = next as unknown as UiPart;
  return index;
}

/** The named fields of a chunk as far as it has them. */
export function pick(chunk: UiChunk, ...names: readonly string[]): Fields {
  const fields: Record<string, unknown> = {};
  for (const name of names) if (chunk[name] !== undefined) fields[name] = chunk[name];
  return fields;
}

/** Marks texts that will not grow any more as done: their run ended without ending them. */
export function closeTexts(message: MessageParts): void {
  for (const kind of ['openTexts', 'openReasonings'] as const) {
    for (const index of message[kind].values()) replace(message, index, { state: 'done' });
    close(message, kind);
  }
}

/** The text of a message: its text parts, joined. */
export function textOf(parts: readonly UiPart[]): string {
  return parts.map((part) => (part.type === 'text' && typeof part['text'] === 'string' ? part['text'] : '')).join('');
}
