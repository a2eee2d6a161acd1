import assert from 'node:assert/strict';
import { test } from 'node:test';
import { safeUrl } from './safe-url.ts';

test('an address that could run something, or leave for another host unseen, is no link', () => {
  const rejected = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
    'file:///etc/passwd',
    ' javascript:x',
  ];
  assert.deepEqual(
    rejected.map(safeUrl),
    rejected.map(() => undefined),
  );
});

test('a web page and a path of this server are links', () => {
  assert.equal(safeUrl('https://example.org/a'), 'https://example.org/a');
  assert.equal(safeUrl('/docs/start/quick-start.md#keys'), '/docs/start/quick-start.md#keys');
  assert.equal(safeUrl(undefined), undefined);
});
