// A small schema language for what crosses an edge: it narrows `unknown` to a type and says where it does not fit. Each
// schema is a Standard Schema (github.com/standard-schema/spec, v1), so that users can hand in zod, valibot or arktype
// wherever one of these is taken. It exists because this package runs in a browser and imports nothing.
import { ThroughlineError } from './errors.ts';
import type { ErrorCode } from './error-table.ts';

/** The part of Standard Schema v1 that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly PropertyKey[] | undefined }[] };

/** A schema of this package: synchronous, and with its check in reach. */
export interface Schema<Output> extends StandardSchema<Output> {
  /** Returns the first thing that does not fit, as `path: message`, or undefined when `value` is an Output. */
  readonly problem: (value: unknown, path: string) => string | undefined;
  /** Returns the path of the first property of a `value` that fits which no `object` of the schema names, or undefined. */
  readonly extra: (value: unknown, path: string) => string | undefined;
}
export type OutputOf<S> = S extends Schema<infer Output> ? Output : never;

/**
 * Narrows `value` to what `schema` describes.
 *
 * @throws ThroughlineError `code` (INVALID_ARGUMENT by default) with the path of the first value that does not fit
 * @example parse(string(), 'hello') // 'hello'
 */
export function parse<Output>(schema: Schema<Output>, value: unknown, code: ErrorCode = 'INVALID_ARGUMENT'): Output {
  const problem = schema.problem(value, '');
  if (problem !== undefined) throw new ThroughlineError(code, problem);
  return value as Output;
}

/**
 * Narrows `value` to what `schema` describes, and nothing more: for requests, where a property that nobody reads is a typing
 * error of the caller, who would believe that it was heard.
 *
 * @throws ThroughlineError `code` (INVALID_ARGUMENT by default) with the path of the first value that does not fit, or of the
 *   first property that the schema does not know
 */
export function parseExact<Output>(schema: Schema<Output>, value: unknown, code?: ErrorCode): Output {
  const parsed = parse(schema, value, code);
  const extra = schema.extra(value, '');
  if (extra === undefined) return parsed;
  throw new ThroughlineError(code ?? 'INVALID_ARGUMENT', `${extra}: there is no such field`);
}

const nothingExtra = (): undefined => undefined;

function schema<Output>(
  problem: Schema<Output>['problem'],
  extra: Schema<Output>['extra'] = nothingExtra,
): Schema<Output> {
  return {
    problem,
    extra,
    '~standard': {
      version: 1,
      vendor: 'throughline',
      validate(value) {
        const found = problem(value, '');
        return found === undefined ? { value: value as Output } : { issues: [{ message: found }] };
      },
    },
  };
}

const at = (path: string, expected: string): string =>
  path === '' ? `expected ${expected}` : `${path}: expected ${expected}`;

// Whether a value fits is asked of every event; where it does not, hardly ever. So the path of a value is made only for one
// that does not fit, by asking again with it. A schema is a few levels deep, which bounds the repetition.
const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

export function string(limits: { lengthMax?: number; pattern?: RegExp; what?: string } = {}): Schema<string> {
  const what = limits.what ?? 'a string';
  return schema((value, path) => {
    if (typeof value !== 'string') return at(path, what);
    if (limits.lengthMax !== undefined && value.length > limits.lengthMax) {
      return at(path, `${what} of at most ${limits.lengthMax} characters`);
    }
    return limits.pattern !== undefined && !limits.pattern.test(value) ? at(path, what) : undefined;
  });
}

export function number(limits: { min?: number; integer?: boolean } = {}): Schema<number> {
  return schema((value, path) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return at(path, 'a number');
    if (limits.integer === true && !Number.isSafeInteger(value)) return at(path, 'an integer');
    return limits.min !== undefined && value < limits.min ? at(path, `a number of at least ${limits.min}`) : undefined;
  });
}

export function boolean(): Schema<boolean> {
  return schema((value, path) => (typeof value === 'boolean' ? undefined : at(path, 'true or false')));
}

export function literal<const Value extends string>(...values: readonly Value[]): Schema<Value> {
  const expected = values.map((value) => JSON.stringify(value)).join(' or ');
  return schema((value, path) => ((values as readonly unknown[]).includes(value) ? undefined : at(path, expected)));
}

/** Anything at all: for payloads that are passed on without being looked into. */
export function unknown(): Schema<unknown> {
  return schema(() => undefined);
}

export function nullable<Output>(inner: Schema<Output>): Schema<Output | null> {
  return schema(
    (value, path) => (value === null ? undefined : inner.problem(value, path)),
    (value, path) => (value === null ? undefined : inner.extra(value, path)),
  );
}

/** What fits one of two. */
export function either<A, B>(one: Schema<A>, other: Schema<B>): Schema<A | B> {
  return schema(
    (value, path) => {
      const problem = one.problem(value, path);
      return problem !== undefined && other.problem(value, path) !== undefined ? problem : undefined;
    },
    (value, path) => (one.problem(value, path) === undefined ? one : other).extra(value, path),
  );
}

export function array<Output>(item: Schema<Output>, limits: { lengthMin?: number } = {}): Schema<Output[]> {
  return schema(
    (value, path) => {
      if (!Array.isArray(value)) return at(path, 'an array');
      if (value.length < (limits.lengthMin ?? 0)) return at(path, `an array of at least ${limits.lengthMin}`);
      for (let index = 0; index < value.length; index++) {
        if (item.problem(value[index], '') !== undefined) return item.problem(value[index], `${path}[${index}]`);
      }
      return undefined;
    },
    (value, path) => first(value as unknown[], (inner, index) => item.extra(inner, `${path}[${index}]`)),
  );
}

/** An object with any names, each value as `item` says. */
export function record<Output>(item: Schema<Output>): Schema<Record<string, Output>> {
  return schema(
    (value, path) => {
      if (!isObject(value)) return at(path, 'an object');
      for (const name of Object.keys(value)) {
        if (item.problem(value[name], '') !== undefined) return item.problem(value[name], below(path, name));
      }
      return undefined;
    },
    (value, path) => first(Object.entries(value as object), ([name, inner]) => item.extra(inner, below(path, name))),
  );
}

const optionalMark = Symbol('optional');
interface OptionalSchema<Output> extends Schema<Output> {
  readonly [optionalMark]: true;
}

/** A property that may be absent. */
export function optional<Output>(inner: Schema<Output>): OptionalSchema<Output> {
  return { ...inner, [optionalMark]: true };
}

type Properties = Readonly<Record<string, Schema<unknown>>>;
type OptionalNames<P extends Properties> = {
  [N in keyof P]: P[N] extends OptionalSchema<unknown> ? N : never;
}[keyof P];
export type ObjectOf<P extends Properties> = { [N in Exclude<keyof P, OptionalNames<P>>]: OutputOf<P[N]> } & {
  [N in OptionalNames<P>]?: OutputOf<P[N]>;
};

/**
 * An object with these properties; others are left in place, so that a newer writer does not break an older reader.
 * `parseExact` rejects them.
 */
export function object<P extends Properties>(properties: P): Schema<ObjectOf<P>> {
  const entries = Object.entries(properties);
  return schema(
    (value, path) => {
      if (!isObject(value)) return at(path, 'an object');
      for (const [name, property] of entries) {
        const inner = value[name];
        if (inner === undefined && optionalMark in property) continue;
        if (property.problem(inner, '') !== undefined) return property.problem(inner, below(path, name));
      }
      return undefined;
    },
    (value, path) =>
      first(Object.entries(value as object), ([name, inner]) => {
        const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
        return property === undefined
          ? below(path, name)
          : inner === undefined
            ? undefined
            : property.extra(inner, below(path, name));
      }),
  );
}

/** The first thing that `find` finds. */
function first<Item>(
  items: readonly Item[],
  find: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
