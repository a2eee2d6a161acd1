import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { LogFile } from './log-file.ts';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-log-file-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
const newName = (): string => path.join(mkdtempSync(path.join(temporary, 'log-')), 'server.log');
const unexpected = (error: Error): void => assert.fail(error);

test('the file is made with the first line, and a later one is appended to it', () => {
  const name = newName();
  const first = new LogFile(name, 1000, unexpected);
  assert.equal(existsSync(name), false);
  first.write('one\n');
  first.close();
  const second = new LogFile(name, 1000, unexpected);
  second.write('two\n');
  second.close();
  assert.equal(readFileSync(name, 'utf8'), 'one\ntwo\n');
});

test('a full file becomes the one before, of which there is one: the disk holds at most twice the limit', () => {
  const name = newName();
  const file = new LogFile(name, 100, unexpected);
  for (let line = 0; line < 100; line++) file.write(`line ${String(line).padStart(4, '0')}\n`);
  file.close();
  assert.deepEqual(readdirSync(path.dirname(name)).sort(), ['server.log', 'server.log.1']);
  const both = readFileSync(`${name}.1`, 'utf8') + readFileSync(name, 'utf8');
  assert.ok(both.length <= 220, `${both.length} bytes`);
  assert.ok(both.endsWith('line 0099\n'));
});

test('a disk that takes no lines is told about once and throws nothing', { skip: !existsSync('/dev/full') }, () => {
  const name = newName();
  symlinkSync('/dev/full', name);
  const problems: Error[] = [];
  const file = new LogFile(name, 1000, (error) => problems.push(error));
  file.write('one\n');
  file.write('two\n');
  file.close();
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.message ?? '', /ENOSPC/);
});
