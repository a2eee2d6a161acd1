import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { serverLog } from './server-log.ts';

test('a line of server.log holds nothing that a terminal obeys, and says the same', (t) => {
  // C1 controls and bidirectional controls stood in the file as they came: JSON escapes only C0.
  const folder = mkdtempSync(path.join(tmpdir(), 'server-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const log = serverLog(folder);
  const foreign = 'a\u0007\u001b[2J\u007f\u0085\u009b31m\u202egnp.exe\u2066\u2028\ud800b\nc';
  log.info({ groupId: foreign, nested: { [foreign]: [foreign] } }, foreign);
  log.info({ error: new Error(foreign) }, 'failed');
  log.close();
  const text = readFileSync(path.join(folder, 'server.log'), 'utf8');
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.length, 2);
  const [first, second] = lines.map((line): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>);
  assert.equal(first?.['groupId'], foreign);
  assert.deepEqual(first?.['nested'], { [foreign]: [foreign] });
  assert.equal(first?.['msg'], foreign);
  assert.match(JSON.stringify(second?.['err']), /gnp\.exe/);
});
