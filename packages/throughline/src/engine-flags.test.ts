import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

/** What V8's top compiler has made of a loop in a process of its own. */
function optimisedIn(script: string): boolean {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--trace-opt', '--conditions=throughline-source', '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return /completed optimizing .*hotLoop/.test(stdout);
}

test('code is optimised from the call on, and not before', () => {
  const flags = pathToFileURL(path.join(import.meta.dirname, 'engine-flags.ts')).href;
  const begin = `import { setFlagsFromString } from 'node:v8';
    import { optimiseFromNowOn } from ${JSON.stringify(flags)};
    setFlagsFromString('--no-opt');
    setFlagsFromString('--no-maglev');
    const work = () => { for (let i = 0; i < 3000; i++) hotLoop(i); };
    function hotLoop(from) { let sum = from; for (let i = 0; i < 1000; i++) sum = (sum * 31 + i) | 0; return sum; }
    work();`;
  assert.equal(optimisedIn(begin), false);
  assert.equal(optimisedIn(`${begin} optimiseFromNowOn(); work();`), true);
});
