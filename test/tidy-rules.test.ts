// What the tidy test stands on: that its reader of sources sees what is code and what is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsOf, scanSource } from './tidy/scan-source.ts';

test('comments, strings, templates and regular expressions are told from code', () => {
  const source = [
    "const a = 'it // is no comment'; // but this is: import x from 'comment'",
    'const b = /[/\'"`]\\/\\/ no comment/.test(a) ? 1 / 2 / 3 : `text ${a + `inner ${b}`} // no comment`;',
    '/* import y from "block" */ const c = "end";',
  ].join('\n');
  const { code, bare, strings } = scanSource(source);
  assert.equal(code.length, source.length);
  assert.equal(bare.length, source.length);
  assert.deepEqual(strings, ['it // is no comment', 'end']);
  assert.doesNotMatch(code, /from 'comment'|from "block"/);
  assert.match(bare, /1 \/ 2 \/ 3/);
  assert.match(bare, /\{a \+|a \+/);
  assert.doesNotMatch(bare, /text|inner|no comment|it /);
});

test('every form of import is seen, and none in a comment', () => {
  const { code } = scanSource(
    [
      "import a, { type B } from './a.ts';",
      "import {\n  c,\n} from '@throughline/event';",
      "export type { D } from './d.ts';",
      "import './side-effect.css';",
      "const e = await import('node:fs');",
      "// import f from './comment.ts';",
    ].join('\n'),
  );
  assert.deepEqual(importsOf(code).sort(), ['./a.ts', './d.ts', './side-effect.css', '@throughline/event', 'node:fs']);
});
