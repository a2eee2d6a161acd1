import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { plainLine } from './log-line.ts';
import { bytesText, countText, fail, printJson, printJsonLine, printLine, printTable, say } from './output.ts';

/** What is written while the test runs. */
function record(t: TestContext): { out: string; err: string } {
  const written = { out: '', err: '' };
  t.mock.method(process.stdout, 'write', (text: string) => ((written.out += text), true));
  t.mock.method(process.stderr, 'write', (text: string) => ((written.err += text), true));
  t.after(() => (process.exitCode = undefined));
  return written;
}

test('a table has aligned columns and no blanks at the end of a line', (t) => {
  const written = record(t);
  printTable([
    ['name', 'n'],
    ['a', '1'],
    ['longer', ''],
  ]);
  t.mock.restoreAll();
  assert.equal(written.out, 'name    n\na       1\nlonger\n');
});

test('a cell of a table that nobody would read to its end is cut, whatever letters it has', (t) => {
  const written = record(t);
  printTable([
    ['group', 'n'],
    ['x'.repeat(32_000), '1'],
    ['😀'.repeat(200), '2'],
    ['y'.repeat(120), 'z'.repeat(200)],
  ]);
  t.mock.restoreAll();
  const cells = written.out.split('\n').map((line) => line.split(/ +/)[0]);
  assert.deepEqual(cells.slice(1, 4), [`${'x'.repeat(119)}…`, `${'😀'.repeat(119)}…`, 'y'.repeat(120)]);
  assert.ok(written.out.split('\n').every((line) => line.length <= 450));
  assert.ok(written.out.endsWith(`  ${'z'.repeat(200)}\n`), 'the last cell of a row is whole');
});

test('JSON shows an offset as a decimal string', (t) => {
  const written = record(t);
  printJson({ offset: 2n ** 60n });
  t.mock.restoreAll();
  assert.deepEqual(JSON.parse(written.out), { offset: '1152921504606846976' });
});

test('whatever is printed, the terminal obeys none of it, and columns stay where they are', (t) => {
  const foreign = 'a\u001b[31m\r\n\u0007\u009b\u202eb';
  const escaped = 'a\\u001b[31m\\r\\n\\u0007\\u009b\\u202eb';
  const written = record(t);
  printLine(foreign);
  printTable([
    [foreign, 'n'],
    ['x', '1'],
  ]);
  say(foreign);
  fail(new ThroughlineError('UNKNOWN_TOPIC', 'no\u001b\u2028topic'), false);
  printJson({ [foreign]: foreign });
  printJsonLine([foreign]);
  t.mock.restoreAll();
  const wide = escaped.length;
  const json = escaped;
  assert.equal(
    written.out,
    `${escaped}\n${escaped}  n\n${'x'.padEnd(wide)}  1\n{\n  "${json}": "${json}"\n}\n["${json}"]\n`,
  );
  assert.match(written.err, /^a\\u001b.*b\nthroughline: no\\u001b\\u2028topic \[UNKNOWN_TOPIC\] .*\n$/);
});

test('a failure is one line with code and remedy, and JSON where that was asked for', (t) => {
  const written = record(t);
  fail(new ThroughlineError('UNKNOWN_TOPIC', 'no topic\n  "x"'), false);
  assert.match(written.err, /^throughline: no topic "x" \[UNKNOWN_TOPIC\] .+\n$/);
  assert.equal(process.exitCode, 1);
  assert.equal(written.out, '');
  fail(new Error('unexpected'), true);
  t.mock.restoreAll();
  assert.equal((JSON.parse(written.out) as { error: { code: string } }).error.code, 'INTERNAL');
});

test('bytes are shown in the unit that people read', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 3 * 1024 ** 4].map(bytesText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '3.0 TiB',
  ]);
});

test('a count has its noun in the right number', () => {
  assert.deepEqual(
    [countText(0, 'record'), countText(1n, 'record'), countText(2, 'process', 'processes')],
    ['0 records', '1 record', '2 processes'],
  );
});

test('a measurement in a log line has no digits that it has by chance', () => {
  const fields = { durationMs: 3561.087443999999, count: 7, offset: 9007199254740993n, code: '1.25' };
  assert.equal(
    plainLine(fields, 'it ended'),
    'it ended (durationMs=3561.1 count=7 offset=9007199254740993n code=1.25)',
  );
});
