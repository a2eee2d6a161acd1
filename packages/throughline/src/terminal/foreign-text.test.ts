// Keys and values with ESC, CR, LF, BEL, C1 and U+202E reached the terminal as they were, from every command that printed them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { escapeForeign, escapeJson, textForm } from './foreign-text.ts';

const dangerous = [
  '\u0000', '\u0007', '\b', '\t', '\n', '\u000b', '\f', '\r', '\u001b', '\u007f', '\u0080', '\u0085', '\u009b', '\u009f',
  '\u00ad', '\u061c', '\u180e', '\u200b', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b', '\u202c', '\u202d',
  '\u202e', '\u2060', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff', '\ufff9', '\u{e0041}', '\ud800', '\udc00',
]; // prettier-ignore

test('what a terminal obeys is escaped, one by one', () => {
  for (const character of dangerous) {
    const escaped = escapeForeign(`a${character}b`);
    assert.match(escaped, /^a(\\[tnrbf]|(\\u[0-9a-f]{4}){1,2})b$/, JSON.stringify(character));
    assert.equal(JSON.parse(`"${escaped}"`), `a${character}b`);
  }
  assert.equal(escapeForeign('\u001b[2J\u202etxt.exe'), '\\u001b[2J\\u202etxt.exe');
});

test('text that a terminal only shows stays as it is', () => {
  for (const text of [
    '',
    'plain',
    'C:\\tmp',
    'Grüße',
    '日本語',
    'می\u200cخواهم',
    '👩\u200d👩\u200d👧',
    'e\u0301',
    'שלום',
    'a b',
  ]) {
    assert.equal(escapeForeign(text), text);
    assert.equal(escapeJson(JSON.stringify(text)), JSON.stringify(text));
  }
});

test('escaped JSON means the same, and has nothing in it that a terminal obeys', () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(...dangerous), fc.string({ unit: 'binary', maxLength: 1 })),
  });
  fc.assert(
    fc.property(text, (value) => {
      for (const json of [JSON.stringify({ [value]: value }), JSON.stringify([value], null, 2)]) {
        const escaped = escapeJson(json);
        assert.deepEqual(JSON.parse(escaped), JSON.parse(json));
        assert.equal(escapeForeign(escaped.replaceAll('\n', '')), escaped.replaceAll('\n', ''));
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('two different keys or values never have the same form, and a form never looks like two columns', () => {
  const tricky = fc.constantFrom(
    '',
    'null',
    '-',
    '"',
    '""',
    '"null"',
    '\\n',
    '\n',
    '\\u001b',
    '\u001b',
    ' ',
    'a  b',
    'a b',
    ' a',
  );
  const value = fc.option(fc.oneof(tricky, fc.string({ unit: 'binary', maxLength: 6 })), { nil: null });
  const last = { isLast: true };
  fc.assert(
    fc.property(value, value, (left, right) => {
      assert.equal(textForm(left) === textForm(right), left === right);
      assert.equal(textForm(left, last) === textForm(right, last), left === right);
      assert.match(textForm(left), /^\S(.*\S)?$/);
      assert.ok(!textForm(left).includes('  ') || textForm(left).startsWith('"'));
      assert.equal(escapeForeign(textForm(left)), textForm(left));
    }),
    { seed: 7, numRuns: 2000 },
  );
  assert.deepEqual(
    [null, '', 'null', '-', 'x', '{"a": 1}', '"x"', 'a\nb'].map((text) => textForm(text)),
    ['null', '""', '"null"', '"-"', 'x', '{"a": 1}', '"\\"x\\""', '"a\\nb"'],
  );
});
