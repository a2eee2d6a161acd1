// Each operator of EventBridge's patterns on events that match and events that do not, and what is no pattern.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { compilePattern } from './event-pattern.ts';

const cases: readonly [what: string, pattern: object, matching: readonly unknown[], others: readonly unknown[]][] = [
  [
    'equal values',
    { a: ['x', 2, true, null] },
    [{ a: 'x' }, { a: 2 }, { a: true }, { a: null }],
    [{ a: 'X' }, { a: '2' }, {}, { a: false }],
  ],
  ['every name', { a: ['x'], b: ['y'] }, [{ a: 'x', b: 'y', c: 1 }], [{ a: 'x' }, { b: 'y' }, { a: 'x', b: 'z' }]],
  [
    'what lies deeper',
    { a: { b: { c: [1] } } },
    [{ a: { b: { c: 1 } } }],
    [{ a: { b: 1 } }, { a: { b: { c: 2 } } }, { a: 1 }, null, 'text', 3],
  ],
  ['lists of the event', { a: ['x'] }, [{ a: ['y', 'x'] }, { a: [['x']] }], [{ a: ['y'] }, { a: [] }]],
  ['lists of objects', { a: { b: [1], c: [2] } }, [{ a: [{ b: 0 }, { b: 1, c: 2 }] }], [{ a: [{ b: 1 }, { c: 2 }] }]],
  ['prefix', { a: [{ prefix: 'eu-' }] }, [{ a: 'eu-west-1' }], [{ a: 'us-eu-' }, { a: 1 }, {}]],
  ['prefix of any case', { a: [{ prefix: { 'equals-ignore-case': 'Shop.' } }] }, [{ a: 'sHOP.x' }], [{ a: 'shopx' }]],
  ['suffix', { a: [{ suffix: '.png' }] }, [{ a: 'x.png' }], [{ a: '.png.x' }]],
  ['suffix of any case', { a: [{ suffix: { 'equals-ignore-case': '.PNG' } }] }, [{ a: 'x.pnG' }], [{ a: 'png' }]],
  ['equals-ignore-case', { a: [{ 'equals-ignore-case': 'Ada' }] }, [{ a: 'aDA' }], [{ a: 'adam' }]],
  [
    'anything-but a value',
    { a: [{ 'anything-but': 'x' }] },
    [{ a: 'y' }, { a: 1 }, { a: ['x', 'y'] }],
    [{ a: 'x' }, {}],
  ],
  ['anything-but values', { a: [{ 'anything-but': [1, 2] }] }, [{ a: 3 }, { a: '1' }], [{ a: 1 }, { a: 2 }]],
  ['anything-but a prefix', { a: [{ 'anything-but': { prefix: 'in' } }] }, [{ a: 'out' }], [{ a: 'init' }]],
  [
    'anything-but suffixes',
    { a: [{ 'anything-but': { suffix: ['.txt', '.md'] } }] },
    [{ a: 'a.png' }],
    [{ a: 'a.txt' }, { a: 'a.md' }],
  ],
  [
    'anything-but ignoring case',
    { a: [{ 'anything-but': { 'equals-ignore-case': ['A', 'b'] } }] },
    [{ a: 'c' }],
    [{ a: 'a' }, { a: 'B' }],
  ],
  [
    'anything-but a wildcard',
    { a: [{ 'anything-but': { wildcard: '*/lib/*' } }] },
    [{ a: 'x/bin/y' }],
    [{ a: 'x/lib/y' }],
  ],
  ['numeric', { a: [{ numeric: ['>', 0, '<=', 5] }] }, [{ a: 5 }, { a: 0.1 }], [{ a: 0 }, { a: 6 }, { a: '3' }]],
  ['numeric equality', { a: [{ numeric: ['=', 3e2] }] }, [{ a: 300 }], [{ a: 301 }]],
  ['exists', { a: [{ exists: true }] }, [{ a: 1 }, { a: null }, { a: '' }], [{}, { a: { b: 1 } }, { a: [] }]],
  ['exists not', { a: { b: [{ exists: false }] } }, [{}, { a: {} }, { a: { c: 1 } }], [{ a: { b: null } }]],
  ['cidr', { a: [{ cidr: '10.0.0.0/24' }] }, [{ a: '10.0.0.255' }], [{ a: '10.0.1.0' }, { a: 'x' }, { a: '::1' }]],
  [
    'cidr of IPv6',
    { a: [{ cidr: '2001:db8::/32' }] },
    [{ a: '2001:db8::1' }],
    [{ a: '2001:db9::1' }, { a: '10.0.0.1' }],
  ],
  [
    'wildcard',
    { a: [{ wildcard: 'dir/*.png' }] },
    [{ a: 'dir/.png' }, { a: 'dir/a.png' }],
    [{ a: 'dir/a.pn' }, { a: 'xdir/a.png' }],
  ],
  ['wildcards', { a: [{ wildcard: '*a*b*' }] }, [{ a: 'ab' }, { a: 'xaybz' }], [{ a: 'ba' }]],
  ['wildcards that share no letter', { a: [{ wildcard: 'ab*ba' }] }, [{ a: 'abba' }], [{ a: 'aba' }]],
  ['a star that is meant', { a: [{ wildcard: '\\**\\\\' }] }, [{ a: '*x\\' }], [{ a: 'x\\' }]],
  [
    'one of several',
    { $or: [{ a: [1] }, { b: [2] }], c: [3] },
    [
      { a: 1, c: 3 },
      { b: 2, c: 3 },
    ],
    [{ a: 1 }, { c: 3 }],
  ],
  ['a name $or that is none of these', { $or: ['x'] }, [{ $or: 'x' }], [{}]],
  ['names of every object', { toString: [{ exists: false }] }, [{}], [{ toString: 'x' }]],
];
for (const [what, pattern, matching, others] of cases) {
  test(`matches ${what}`, () => {
    const matches = compilePattern(pattern, 'pattern');
    for (const event of matching) assert.equal(matches(event), true, JSON.stringify(event));
    for (const event of others) assert.equal(matches(event), false, JSON.stringify(event));
  });
}

for (const [pattern, path] of [
  [[], 'pattern'],
  [{}, 'pattern'],
  ['{"a":["x"]}', 'pattern'],
  [{ a: [] }, 'pattern.a'],
  [{ a: 'x' }, 'pattern.a'],
  [{ a: [['x']] }, 'pattern.a[0]'],
  [{ a: [{}] }, 'pattern.a[0]'],
  [{ a: [{ prefix: 'x', suffix: 'y' }] }, 'pattern.a[0]'],
  [{ a: [{ starts: 'x' }] }, 'pattern.a[0]'],
  [{ a: [{ prefix: 1 }] }, 'pattern.a[0].prefix'],
  [{ a: [{ exists: 'yes' }] }, 'pattern.a[0].exists'],
  [{ a: [{ numeric: ['>'] }] }, 'pattern.a[0].numeric'],
  [{ a: [{ numeric: ['~', 1] }] }, 'pattern.a[0].numeric[0]'],
  [{ a: [{ numeric: ['>', '1'] }] }, 'pattern.a[0].numeric[1]'],
  [{ a: [{ cidr: '10.0.0.0' }] }, 'pattern.a[0].cidr'],
  [{ a: [{ cidr: '10.0.0.0/33' }] }, 'pattern.a[0].cidr'],
  [{ a: [{ wildcard: 'a**b' }] }, 'pattern.a[0].wildcard'],
  [{ a: [{ 'anything-but': { exists: true } }] }, 'pattern.a[0].anything-but'],
  [{ $or: [{ a: [] }] }, 'pattern.$or[0].a'],
] as const) {
  test(`rejects ${JSON.stringify(pattern)}`, () => {
    assert.throws(
      () => compilePattern(pattern, 'pattern'),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && error.message.startsWith(`${path}: `),
    );
  });
}

test('a pattern that is nested too deeply is rejected, and a wildcard takes no time that grows with its square', () => {
  let deep: object = { a: ['x'] };
  for (let level = 0; level < 10_000; level++) deep = { a: deep };
  assert.throws(
    () => compilePattern(deep, 'pattern'),
    (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
  );
  const matches = compilePattern({ a: [{ wildcard: `${'a*'.repeat(1000)}b` }] }, 'pattern');
  assert.equal(matches({ a: 'a'.repeat(200_000) }), false);
});
