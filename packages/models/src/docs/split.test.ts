import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { splitDocument } from './split.ts';

test('markdown is cut at its headings, and each passage knows the headings above it and its fragment', () => {
  const source =
    '---\ntitle: x\n---\nBefore.\n\n# Log\n\nAppend only.\n\n## Durability, `fsync`\n\nOn disk.\n\n# Log\n\nAgain.\n';
  assert.deepEqual(splitDocument('markdown', source, 900), [
    { headings: [], anchor: undefined, markdown: 'Before.' },
    { headings: ['Log'], anchor: 'log', markdown: 'Append only.' },
    { headings: ['Log', 'Durability, fsync'], anchor: 'durability-fsync', markdown: 'On disk.' },
    { headings: ['Log'], anchor: 'log-1', markdown: 'Again.' },
  ]);
});

test('a line of a code block is no heading, and an unclosed code block is closed', () => {
  const [passage, ...rest] = splitDocument('markdown', '# A\n\n```bash\n# a comment\n\nls', 900);
  assert.equal(passage?.markdown, '```bash\n# a comment\n\nls\n```');
  assert.equal(rest.length, 0);
});

test('a heading may be underlined; a line under a list or a table is no heading', () => {
  assert.deepEqual(
    splitDocument('markdown', 'Title\n=====\n\ntext\n\nSub\n---\n\n- item\n---\n', 900).map(
      (passage) => passage.anchor,
    ),
    ['title', 'sub'],
  );
});

test('html is read as the words that it shows, with the ids of its headings', () => {
  const source =
    '<head><title>T</title></head><script>var hidden = "<h1>no</h1>"</script><h1 id="top">A &amp; B</h1>' +
    '<p>One<br>two &lt;b&gt;.</p><!-- <h2>no</h2> --><ul><li>x<li>y</ul><h2>Sub</h2>1 < 2<p>end';
  assert.deepEqual(splitDocument('html', source, 900), [
    { headings: ['A & B'], anchor: 'top', markdown: 'One\n\ntwo \\<b\\>.\n\n- x\n\n- y' },
    { headings: ['A & B', 'Sub'], anchor: 'sub', markdown: '1 \\< 2\n\nend' },
  ]);
});

test('plain text is quoted as it stands: what looks like Markdown is escaped', () => {
  assert.deepEqual(
    splitDocument('text', 'a *b*\n# c\n\n1. d\n', 900).map((passage) => passage.markdown),
    ['a \\*b\\*\n\\# c\n\n1\\. d'],
  );
});

test('pieces of a long table keep its column names, pieces of a long code block its fences', () => {
  const rows = Array.from({ length: 20 }, (_, index) => `| ${index} | ${'x'.repeat(40)} |`);
  const table = splitDocument('markdown', ['| a | b |', '|---|---|', ...rows].join('\n'), 300);
  const code = splitDocument('markdown', ['```ts', ...rows, '```'].join('\n'), 300);
  assert.ok(table.length > 2 && code.length > 2);
  for (const { markdown } of table) assert.match(markdown, /^\| a \| b \|\n\|---\|---\|\n\| \d/);
  for (const { markdown } of code) assert.match(markdown, /^```ts\n[^`]+\n```$/);
  for (const { markdown } of [...table, ...code]) assert.ok(markdown.length <= 300);
});

test('no passage is longer than the limit, and no word of the document is lost', () => {
  const line = fc.stringMatching(/^[a-z ]{0,80}$/);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), fc.integer({ min: 40, max: 200 }), (lines, charsMax) => {
      const passages = splitDocument('markdown', lines.join('\n'), charsMax);
      for (const { markdown } of passages) assert.ok(markdown.length <= charsMax, `${markdown.length} > ${charsMax}`);
      const words = passages.flatMap(({ markdown }) => markdown.split(/\s+/)).join('');
      assert.equal(words, lines.join('').replaceAll(/\s/g, ''));
    }),
  );
});

test('splitting takes linear time on hostile input', () => {
  const hostile = ['<!--'.repeat(100_000), '<'.repeat(400_000), '</script'.repeat(60_000), '['.repeat(200_000)];
  for (const kind of ['html', 'markdown', 'text'] as const) {
    for (const source of hostile) {
      const startedMs = performance.now();
      splitDocument(kind, source, 900);
      assert.ok(performance.now() - startedMs < 2000, `${kind}: ${source.slice(0, 8)}…`);
    }
  }
});
