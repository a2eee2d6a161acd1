// The carry-on rule (docs/PROTOCOL.md §4.3). What was shown of a reply stands. A new attempt generates the reply again
// from its beginning, silently while it equals what stands, and goes on from there: readers see one text with a pause.
// Where it says something else it has diverged, and another reply must take over.
//
// Equality is about what a reader sees, not about how it was cut or named:
//   * deltas (text, reasoning, tool input) are compared by character, however they are cut into chunks; a delta that
//     crosses the end of what stands yields its remainder;
//   * part ids, tool call ids, approval ids and source ids are made anew by each generation. They are matched where a
//     part begins and from then on written as the names that stand;
//   * start, finish, steps and metadata match by type; provider metadata is not compared;
//   * transient data is not part of a reply and is not compared.
//
// `error` and `abort` are not compared: they say how this attempt went, wherever it has come to.
import type { UiChunk } from '@throughline/event';
import { deltaFields } from './ui-chunks.ts';

/** What a chunk of the new attempt leads to: chunks to append (often none), or the end of the likeness. */
export type CarryOnStep = readonly UiChunk[] | 'diverged';

interface Delta {
  readonly kind: 'delta';
  readonly type: string;
  readonly id: string;
  text: string;
}
type Item = Delta | { readonly kind: 'chunk'; readonly chunk: UiChunk };

/** Fields that name something which each generation names anew. */
const idFields = ['id', 'toolCallId', 'approvalId', 'sourceId'] as const;
/** Fields that say nothing a reader sees, or differ from one generation to the next by their nature. */
const uncompared = new Set<string>([
  ...idFields,
  'messageId',
  'messageMetadata',
  'providerMetadata',
  'callProviderMetadata',
  'resultProviderMetadata',
  'toolMetadata',
  'signature',
]);
/** Chunks that match by their type alone. */
const structural = new Set(['start', 'start-step', 'finish-step', 'reset-step', 'finish', 'message-metadata']);

export class CarryOn {
  readonly #items: Item[];
  /** The item that comes next, and how much of its text has been matched. */
  #index = 0;
  #length = 0;
  /** From the new attempt's name of something to the one that stands. */
  readonly #names = new Map<string, string>();
  /** Names that stand: a new part must not take one. */
  readonly #taken = new Set<string>();
  /** Names that stand and have been matched. */
  readonly #matched = new Set<string>();
  #isDiverged = false;

  /** @param standing the chunks of the run that count so far */
  constructor(standing: readonly UiChunk[]) {
    this.#items = itemsOf(standing);
    for (const item of this.#items) {
      if (item.kind === 'delta') continue;
      for (const field of idFields) {
        const id = item.chunk[field];
        if (typeof id === 'string') this.#taken.add(keyOf(item.chunk, field, id));
      }
    }
  }

  /** All that stands has been generated again. */
  get isThrough(): boolean {
    return this.#index === this.#items.length;
  }

  /** Takes the next chunk of the new attempt. After 'diverged' it must not be fed any more. */
  feed(chunk: UiChunk): CarryOnStep {
    if (chunk.type === 'error' || chunk.type === 'abort') return [chunk];
    if (this.isThrough) return [this.#renamed(chunk)];
    if (isTransient(chunk)) return [];
    const step = deltaFields[chunk.type] === undefined ? this.#match(chunk) : this.#matchDelta(chunk);
    if (step === 'diverged') this.#isDiverged = true;
    return step;
  }

  /** The new attempt has ended its stream: 'diverged' when it is shorter than what stands. */
  end(): CarryOnStep {
    return this.isThrough && !this.#isDiverged ? [] : 'diverged';
  }

  #matchDelta(chunk: UiChunk): CarryOnStep {
    const fields = deltaFields[chunk.type]!;
    const delta = chunk[fields.text] as string;
    if (delta === '') return [];
    const item = this.#items[this.#index]!;
    if (item.kind !== 'delta' || item.type !== chunk.type) return 'diverged';
    const id = chunk[fields.id] as string;
    const name = this.#names.get(keyOf(chunk, fields.id, id));
    // A delta whose part was never begun belongs to no part; it is matched by its own id.
    if ((name ?? id) !== item.id) return 'diverged';
    const matched = Math.min(delta.length, item.text.length - this.#length);
    if (!item.text.startsWith(delta.slice(0, matched), this.#length)) return 'diverged';
    this.#length += matched;
    if (this.#length === item.text.length) this.#next();
    if (matched === delta.length) return [];
    // More of this part than stands: right when nothing stands after it.
    return this.isThrough ? [{ ...this.#renamed(chunk), [fields.text]: delta.slice(matched) }] : 'diverged';
  }

  #match(chunk: UiChunk): CarryOnStep {
    const item = this.#items[this.#index]!;
    if (item.kind === 'delta' || item.chunk.type !== chunk.type) return 'diverged';
    if (!structural.has(chunk.type) && !isSame(chunk, item.chunk)) return 'diverged';
    for (const field of idFields) {
      const id = chunk[field];
      const standing = item.chunk[field];
      if ((id === undefined) !== (standing === undefined)) return 'diverged';
      if (typeof id !== 'string' || typeof standing !== 'string') continue;
      if (!this.#matchName(chunk, field, id, standing)) return 'diverged';
    }
    this.#next();
    return [];
  }

  #matchName(chunk: UiChunk, field: string, id: string, standing: string): boolean {
    const key = keyOf(chunk, field, id);
    const standingKey = keyOf(chunk, field, standing);
    const role = roleOf(chunk, field);
    const known = this.#names.get(key);
    if (role === 'continues') return (known ?? id) === standing;
    if (role === 'may-begin' && known !== undefined) return known === standing;
    if (role === 'may-begin' && this.#matched.has(standingKey)) return false;
    this.#names.set(key, standing);
    this.#matched.add(standingKey);
    return true;
  }

  #next(): void {
    this.#index++;
    this.#length = 0;
  }

  /** A chunk with the names that stand; a new part whose own name is taken gets another. */
  #renamed(chunk: UiChunk): UiChunk {
    let renamed: Record<string, unknown> | undefined;
    for (const field of idFields) {
      const id = chunk[field];
      if (typeof id !== 'string') continue;
      const key = keyOf(chunk, field, id);
      let name = this.#names.get(key);
      if (name === undefined) {
        name = id;
        for (let suffix = 2; this.#taken.has(keyOf(chunk, field, name)); suffix++) name = `${id}~${suffix}`;
        this.#names.set(key, name);
        this.#taken.add(keyOf(chunk, field, name));
      }
      if (name !== id) (renamed ??= { ...chunk })[field] = name;
    }
    return (renamed as UiChunk | undefined) ?? chunk;
  }
}

function itemsOf(chunks: readonly UiChunk[]): Item[] {
  const items: Item[] = [];
  for (const chunk of chunks) {
    if (isTransient(chunk)) continue;
    const fields = deltaFields[chunk.type];
    if (fields === undefined) {
      items.push({ kind: 'chunk', chunk });
      continue;
    }
    const text = chunk[fields.text] as string;
    const id = chunk[fields.id] as string;
    const last = items.at(-1);
    if (text === '') continue;
    if (last?.kind === 'delta' && last.type === chunk.type && last.id === id) last.text += text;
    else items.push({ kind: 'delta', type: chunk.type, id, text });
  }
  return items;
}

/** What naming something in `field` means: it begins here, it began earlier, or either (a tool call may come whole). */
function roleOf(chunk: UiChunk, field: string): 'begins' | 'continues' | 'may-begin' {
  switch (chunk.type) {
    case 'text-start':
    case 'reasoning-start':
    case 'tool-input-start':
      return 'begins';
    case 'tool-input-available':
    case 'tool-input-error':
      return 'may-begin';
    case 'tool-approval-request':
      return field === 'approvalId' ? 'begins' : 'continues';
    case 'text-end':
    case 'reasoning-end':
    case 'tool-output-available':
    case 'tool-output-error':
    case 'tool-output-denied':
    case 'tool-approval-response':
      return 'continues';
    default:
      // Sources and files begin with the chunk that has them; data with an id can be written again.
      return chunk.type.startsWith('data-') ? 'may-begin' : 'begins';
  }
}

function isTransient(chunk: UiChunk): boolean {
  return chunk['transient'] === true && chunk.type.startsWith('data-');
}

/** Names are apart by what they name: the text "1" and the reasoning "1" are two parts. */
function keyOf(chunk: UiChunk, field: string, id: string): string {
  return `${field === 'id' ? chunk.type.split('-', 1)[0] : field}\0${id}`;
}

/** Whether two chunks of one type show the same; order of fields and `undefined` do not matter. */
function isSame(a: UiChunk, b: UiChunk): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const name of names) if (!uncompared.has(name) && !isEqual(a[name], b[name])) return false;
  return true;
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => isEqual((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}
