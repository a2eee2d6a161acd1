// Well-formed requests with one field as long as a bound allows, or one more: what no mutation of bytes comes upon, as a length and
// what it is the length of have to change together. A group id of 40,000 bytes was such a field, and ended the broker.
import { encodeRequest } from '@throughline/wire';
import type { Capture, Sample } from './captures.ts';

/** Lengths around the bounds of names, of the parts of a file name, of plain strings and of what 16 bits can count. */
const lengths: readonly number[] = [0, 1, 249, 255, 32_766, 32_767, 32_768, 65_536];
/** Items of an array: beyond a few hundred it is the size of the request that counts. */
const itemCounts: readonly number[] = [0, 1, 249, 255, 4_096];

/** A step into a body: the name of a field, or the place of an item. */
type Path = readonly (string | number)[];

/** Every variation of one sample, in the lowest and the highest version of its API. */
export function* longFields({ api, body }: Sample): Generator<Capture> {
  for (const version of new Set([api.versionMin, api.versionMax])) {
    for (const [path, value] of fieldsOf(body, [])) {
      for (const [what, long] of lengthened(value)) {
        const name = `${api.name} v${version}, ${path.join('.')}: ${what}`;
        const bytes = encoded(api, version, withValue(body, path, long));
        if (bytes !== undefined) yield { name, apiKey: api.key, version, bytes };
      }
    }
  }
}

/** Undefined for what the form of the version cannot say. */
function encoded(api: Sample['api'], version: number, body: unknown): Uint8Array | undefined {
  try {
    const head = { apiVersion: version, correlationId: 1, clientId: 'fuzz' };
    return Buffer.concat(encodeRequest(api, head, body as never));
  } catch {
    return undefined;
  }
}

function* fieldsOf(value: unknown, path: Path): Generator<[Path, unknown]> {
  if (typeof value === 'string' || value instanceof Uint8Array) yield [path, value];
  if (Array.isArray(value)) {
    yield [path, value];
    if (value.length > 0) yield* fieldsOf(value[0], [...path, 0]);
  } else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    for (const [name, field] of Object.entries(value)) yield* fieldsOf(field, [...path, name]);
  }
}

function lengthened(value: unknown): readonly [string, unknown][] {
  // Ids of topics have one length.
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return [];
  if (typeof value === 'string') return lengths.map((length) => [`${length} bytes`, 'x'.repeat(length)]);
  if (value instanceof Uint8Array) return lengths.map((length) => [`${length} bytes`, new Uint8Array(length)]);
  const [item] = value as readonly unknown[];
  if (item === undefined) return [];
  return itemCounts.map((count) => [`${count} items`, Array.from({ length: count }, () => item)]);
}

function withValue(value: unknown, [step, ...rest]: Path, long: unknown): unknown {
  if (step === undefined) return long;
  if (Array.isArray(value)) return value.map((item, at) => (at === step ? withValue(item, rest, long) : item));
  const fields = value as Readonly<Record<string, unknown>>;
  return { ...fields, [step]: withValue(fields[step], rest, long) };
}
