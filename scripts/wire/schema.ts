// Kafka's message schemas: `common/message/*.json` in the jars, described in the README of that folder in Kafka's source.
// JSON with comments; versions as "3+", "0-4", "7" or "none".
import { execFileSync } from 'node:child_process';

export interface VersionRange {
  readonly min: number;
  /** Infinity for an open one. */
  readonly max: number;
}

export interface Field {
  /** In camelCase. */
  readonly name: string;
  /** As Kafka writes it. */
  readonly schemaName: string;
  /** Without the brackets of an array. */
  readonly type: string;
  readonly isArray: boolean;
  readonly versions: VersionRange;
  readonly nullableVersions: VersionRange | undefined;
  readonly tag: number | undefined;
  readonly default: string | undefined;
  /** The structure that the type names. */
  readonly struct: Struct | undefined;
}

export interface Struct {
  readonly name: string;
  readonly fields: readonly Field[];
}

export interface Message extends Struct {
  readonly apiKey: number | undefined;
  readonly versions: VersionRange;
  readonly flexibleFrom: number;
}

interface RawField {
  name: string;
  type: string;
  versions?: string;
  nullableVersions?: string;
  taggedVersions?: string;
  tag?: number;
  default?: string | number | boolean;
  fields?: RawField[];
}

interface RawMessage {
  name: string;
  apiKey?: number;
  validVersions: string;
  flexibleVersions: string;
  fields: RawField[];
  commonStructs?: { name: string; fields: RawField[] }[];
}

/** Reads one schema out of a jar. */
export function readSchema(jar: string, file: string): Message {
  const text = execFileSync('unzip', ['-p', jar, `common/${file}.json`], { encoding: 'utf8' });
  const raw = JSON.parse(text.replace(/^\s*\/\/.*$/gm, '')) as RawMessage;
  const versions = parseVersions(raw.validVersions)!;
  const common = new Map<string, Struct>();
  for (const { name, fields } of raw.commonStructs ?? []) common.set(name, struct(name, fields, versions, common));
  return {
    ...struct(raw.name, raw.fields, versions, common),
    apiKey: raw.apiKey,
    versions,
    flexibleFrom: parseVersions(raw.flexibleVersions)?.min ?? Infinity,
  };
}

function struct(
  name: string,
  fields: readonly RawField[],
  window: VersionRange,
  common: ReadonlyMap<string, Struct>,
): Struct {
  const read = fields.map((field) => parseField(field, window, common));
  // A field that no version of the window has any more is of the past.
  return { name, fields: read.filter(({ versions }) => versions.min <= window.max && versions.max >= window.min) };
}

function parseField(raw: RawField, window: VersionRange, common: ReadonlyMap<string, Struct>): Field {
  const isArray = raw.type.startsWith('[]');
  const type = isArray ? raw.type.slice(2) : raw.type;
  const versions = parseVersions(raw.versions ?? '0+') ?? { min: Infinity, max: -1 };
  return {
    name: raw.name.charAt(0).toLowerCase() + raw.name.slice(1),
    schemaName: raw.name,
    type,
    isArray,
    versions,
    nullableVersions: parseVersions(raw.nullableVersions),
    tag: raw.taggedVersions === undefined ? undefined : raw.tag,
    default: raw.default === undefined ? undefined : String(raw.default),
    struct: raw.fields === undefined ? common.get(type) : struct(type, raw.fields, window, common),
  };
}

function parseVersions(text: string | undefined): VersionRange | undefined {
  if (text === undefined || text === 'none') return undefined;
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text.trim());
  if (match === null) throw new Error(`versions ${text}`);
  const min = Number(match[1]);
  if (match[2] !== undefined) return { min, max: Infinity };
  return { min, max: match[3] === undefined ? min : Number(match[3]) };
}
