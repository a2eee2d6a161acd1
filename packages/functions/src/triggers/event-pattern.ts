// Event patterns: which events a bus or a filter lets through. A pattern is an object with the event's own structure; where the event
// has a value, the pattern has an array of what the value may be.
//
//   { "source": ["shop"], "detail": { "total": [{ "numeric": [">", 10] }], "note": [{ "exists": false }] } }
//
//   "text"  12  true  null                     equal
//   {prefix}  {suffix}  {equals-ignore-case}   text; the first two also take {equals-ignore-case}
//   {wildcard}                                 text, * is anything; \* and \\ are themselves
//   {anything-but}                             none of these: a value, several, or {prefix} {suffix} {equals-ignore-case} {wildcard}
//   {numeric: [">", 0, "<=", 5]}               numbers
//   {cidr: "10.0.0.0/24"}                      an address in that network
//   {exists: true} {exists: false}             there is a value, or none
//   "$or": [{…}, {…}]                          in place of a name: one of these
//
// All names of a pattern must match, and one of each array. A list in the event matches where one of its elements does.
// Source: Amazon EventBridge user guide, "Creating event patterns" and "Comparison operators".
import { BlockList, isIP } from 'node:net';
import { ThroughlineError } from '@throughline/event';
import { patternDepthMax } from '../defaults.ts';

/** Whether an event matches; anything may come in. */
export type EventPattern = (event: unknown) => boolean;

/** What one element of an array in a pattern asks of the values that the event has there. */
type Matcher = (values: readonly unknown[]) => boolean;
type Test = (value: unknown) => boolean;

/**
 * Compiles a pattern.
 *
 * @param path where it stands, for messages
 * @throws ThroughlineError CONFIG_INVALID with the path of what is no pattern
 * @example compilePattern({ source: [{ prefix: 'shop' }] }, 'pattern')({ source: 'shop.orders' }) // true
 */
export function compilePattern(pattern: unknown, path: string): EventPattern {
  return compileObject(pattern, path, 0);
}

function compileObject(pattern: unknown, path: string, depth: number): EventPattern {
  if (!isObject(pattern)) throw invalid(path, 'expected an object');
  if (depth > patternDepthMax) throw invalid(path, `expected at most ${patternDepthMax} levels`);
  const tests = Object.entries(pattern).map(([name, part]): EventPattern => {
    const at = `${path}.${name}`;
    if (name === '$or' && isAlternatives(part)) {
      const alternatives = part.map((one, index) => compileObject(one, `${at}[${index}]`, depth + 1));
      return (event) => alternatives.some((matches) => matches(event));
    }
    if (Array.isArray(part)) {
      const matches = compileLeaf(part, at);
      return (event) => matches(valuesOf(propertyOf(event, name)));
    }
    const matches = compileObject(part, at, depth + 1);
    return (event) => {
      const value = propertyOf(event, name);
      // What is not there has nothing in it: an {exists: false} further down is true of it.
      return Array.isArray(value) ? value.some(matches) : matches(value);
    };
  });
  if (tests.length === 0) throw invalid(path, 'expected a name at least');
  return (event) => tests.every((matches) => matches(event));
}

function isAlternatives(part: unknown): part is readonly object[] {
  return Array.isArray(part) && part.length > 0 && part.every(isObject);
}

function compileLeaf(part: readonly unknown[], path: string): Matcher {
  if (part.length === 0) throw invalid(path, 'expected a value at least');
  const matchers = part.map((one, index) => compileMatcher(one, `${path}[${index}]`));
  return (values) => matchers.some((matches) => matches(values));
}

function compileMatcher(matcher: unknown, path: string): Matcher {
  if (!isObject(matcher)) return anyOf(literal(matcher, path));
  const [operator, operand] = onlyEntry(matcher, path);
  const at = `${path}.${operator}`;
  if (operator === 'exists') {
    if (typeof operand !== 'boolean') throw invalid(at, 'expected true or false');
    return (values) => values.length > 0 === operand;
  }
  if (operator === 'anything-but') return anyOf(anythingBut(operand, at));
  if (operator === 'numeric') return anyOf(numeric(operand, at));
  if (operator === 'cidr') return anyOf(cidr(operand, at));
  const text = textTest(operator, operand, at);
  if (text === undefined) throw invalid(path, `there is no ${JSON.stringify(operator)}`);
  return anyOf(text);
}

function anyOf(test: Test): Matcher {
  return (values) => values.some(test);
}

function literal(expected: unknown, path: string): Test {
  if (expected !== null && !['string', 'number', 'boolean'].includes(typeof expected)) {
    throw invalid(path, 'expected a text, a number, true, false, null or an operator');
  }
  return (value) => value === expected;
}

/** prefix, suffix, equals-ignore-case and wildcard; undefined for another operator. */
function textTest(operator: string, operand: unknown, path: string): Test | undefined {
  switch (operator) {
    case 'prefix':
    case 'suffix': {
      const ignoresCase = isObject(operand);
      const [, inner] = ignoresCase ? onlyEntry(operand, path, 'equals-ignore-case') : [operator, operand];
      const fold = (text: string): string => (ignoresCase ? text.toLowerCase() : text);
      const part = fold(textOf(inner, path));
      return isText((text) => (operator === 'prefix' ? fold(text).startsWith(part) : fold(text).endsWith(part)));
    }
    case 'equals-ignore-case': {
      const expected = textOf(operand, path).toLowerCase();
      return isText((text) => text.toLowerCase() === expected);
    }
    case 'wildcard':
      return isText(wildcard(textOf(operand, path), path));
    default:
      return undefined;
  }
}

function anythingBut(operand: unknown, path: string): Test {
  const not =
    (test: Test): Test =>
    (value) =>
      !test(value);
  if (!isObject(operand)) {
    const values: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
    if (values.length === 0) throw invalid(path, 'expected a value at least');
    const tests = values.map((value) => literal(value, path));
    return not((value) => tests.some((test) => test(value)));
  }
  const [operator, inner] = onlyEntry(operand, path);
  const tests = (Array.isArray(inner) ? inner : [inner]).map((one: unknown) => {
    const test = textTest(operator, one, `${path}.${operator}`);
    if (test === undefined) throw invalid(path, `there is no anything-but ${JSON.stringify(operator)}`);
    return test;
  });
  if (tests.length === 0) throw invalid(path, 'expected a value at least');
  return not((value) => tests.some((test) => test(value)));
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function numeric(operand: unknown, path: string): Test {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) {
    throw invalid(path, 'expected one or two comparisons, as [">", 0, "<=", 5]');
  }
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const [operator, bound] = operand.slice(index, index + 2) as readonly unknown[];
    const compare =
      typeof operator === 'string' && Object.hasOwn(comparisons, operator) ? comparisons[operator] : undefined;
    if (compare === undefined) throw invalid(`${path}[${index}]`, 'expected one of = < <= > >=');
    if (typeof bound !== 'number' || !Number.isFinite(bound))
      throw invalid(`${path}[${index + 1}]`, 'expected a number');
    tests.push((value) => compare(value, bound));
  }
  return (value) => typeof value === 'number' && tests.every((test) => test(value));
}

function cidr(operand: unknown, path: string): Test {
  const [, address = '', bits = ''] = /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(textOf(operand, path)) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128))
    throw invalid(path, 'expected a network, as 10.0.0.0/24');
  const network = new BlockList();
  network.addSubnet(address, Number(bits), `ipv${version === 4 ? 4 : 6}`);
  return isText((text) => isIP(text) === version && network.check(text, `ipv${version === 4 ? 4 : 6}`));
}

/** The pieces between the stars have to follow one another: no regular expression, which odd patterns would make slow. */
function wildcard(pattern: string, path: string): (text: string) => boolean {
  const pieces = [''];
  for (let index = 0; index < pattern.length; index++) {
    const letter = pattern[index]!;
    if (letter === '\\') {
      const next = pattern[++index];
      if (next !== '*' && next !== '\\') throw invalid(path, 'expected \\* or \\\\ after a backslash');
      pieces[pieces.length - 1] += next;
    } else if (letter === '*') {
      if (pattern[index + 1] === '*') throw invalid(path, 'expected no two stars side by side');
      pieces.push('');
    } else pieces[pieces.length - 1] += letter;
  }
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  return (text) => {
    if (last === undefined) return text === first;
    if (!text.startsWith(first)) return false;
    let from = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, from);
      if (found === -1) return false;
      from = found + piece.length;
    }
    return text.length - last.length >= from && text.endsWith(last);
  };
}

function isText(test: (text: string) => boolean): Test {
  return (value) => typeof value === 'string' && test(value);
}

/** The values of a leaf: those of a list each by itself; none of an object, which is no leaf. */
function valuesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  return value === undefined || isObject(value) ? [] : [value];
}

function propertyOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function onlyEntry(object: Readonly<Record<string, unknown>>, path: string, name?: string): [string, unknown] {
  const [entry, ...more] = Object.entries(object);
  if (entry === undefined || more.length > 0) throw invalid(path, 'expected an object with one operator');
  if (name !== undefined && entry[0] !== name) throw invalid(path, `expected ${name}`);
  return entry;
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string') throw invalid(path, 'expected a text');
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, message: string): ThroughlineError {
  return new ThroughlineError('CONFIG_INVALID', `${path}: ${message}`);
}
