import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ThroughlineError } from './errors.ts';
import {
  array,
  boolean,
  either,
  literal,
  nullable,
  number,
  object,
  optional,
  parse,
  parseExact,
  record,
  string,
  unknown,
  type Schema,
} from './schema.ts';

const person = object({
  name: string({ lengthMax: 5 }),
  age: optional(number({ min: 0, integer: true })),
  tags: array(string()),
  mood: nullable(literal('good', 'bad')),
  extra: record(boolean()),
});
const good = { name: 'Ada', tags: ['a'], mood: null, extra: { x: true } };

test('parseExact rejects the first field that the schema does not name, wherever it is, and what does not fit', () => {
  const nested = object({
    one: person,
    many: array(nullable(person)),
    any: unknown(),
    named: record(either(string(), person)),
    maybe: optional(object({})),
  });
  const fits = { one: good, many: [null, good], any: { z: 1 }, named: { a: 'x', b: good } };
  assert.equal(parseExact(nested, fits), fits);
  for (const [value, path] of [
    [{ ...fits, More: 1 }, 'More'],
    [{ ...fits, one: { ...good, nmae: '' } }, 'one.nmae'],
    [{ ...fits, many: [null, { ...good, more: undefined }] }, 'many[1].more'],
    [{ ...fits, named: { a: { ...good, more: 1 } } }, 'named.a.more'],
    [{ ...fits, maybe: { more: 1 } }, 'maybe.more'],
    [{ ...fits, toString: 1 }, 'toString'],
    [JSON.parse('{"__proto__":{}}'), 'one'],
  ] as const) {
    assert.throws(
      () => parseExact(nested, value),
      (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT') && error.message.startsWith(`${path}: `),
      path,
    );
  }
});

test('a value that fits is returned as it is, unknown fields included', () => {
  const value = { ...good, age: 3, more: 1 };
  assert.equal(parse(person, value), value);
});

test('the first thing that does not fit is named by its path', () => {
  const bad: readonly [unknown, RegExp][] = [
    [null, /^expected an object$/],
    [[], /^expected an object$/],
    [{ ...good, name: 7 }, /^name: expected a string$/],
    [{ ...good, name: 'Ada Lovelace' }, /^name: .*at most 5 characters$/],
    [{ ...good, age: -1 }, /^age: .*at least 0$/],
    [{ ...good, age: 0.5 }, /^age: expected an integer$/],
    [{ ...good, age: Number.NaN }, /^age: expected a number$/],
    [{ ...good, age: null }, /^age/],
    [{ ...good, tags: ['a', 1] }, /^tags\[1\]: expected a string$/],
    [{ ...good, mood: 'meh' }, /^mood: expected "good" or "bad"$/],
    [{ ...good, extra: { x: 1 } }, /^extra\.x: expected true or false$/],
    [{ name: 'Ada' }, /^tags: expected an array$/],
  ];
  for (const [value, message] of bad) assert.throws(() => parse(person, value), { code: 'INVALID_ARGUMENT', message });
  assert.throws(() => parse(array(unknown(), { lengthMin: 1 }), []), /at least 1/);
  assert.throws(() => parse(string(), 1, 'INVALID_EVENT'), { code: 'INVALID_EVENT' });
});

test('each schema is a Standard Schema', () => {
  const all: readonly Schema<unknown>[] = [
    string(),
    number(),
    boolean(),
    literal('a'),
    unknown(),
    nullable(string()),
    array(string()),
    record(string()),
    optional(string()),
    person,
  ];
  for (const schema of all) {
    const standard = schema['~standard'];
    assert.equal(standard.version, 1);
    assert.equal(standard.vendor, 'throughline');
  }
  assert.deepEqual(person['~standard'].validate(good), { value: good });
  assert.deepEqual(string()['~standard'].validate(1), { issues: [{ message: 'expected a string' }] });
});

test('a schema never throws anything but what it found, whatever it is given', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        parse(person, value);
      } catch (error) {
        assert.ok(ThroughlineError.is(error, 'INVALID_ARGUMENT'), String(error));
      }
    }),
  );
});
