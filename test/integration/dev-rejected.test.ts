// What `throughline dev` rejects at the start: one coded line with its remedy on standard error, exit code 1, nothing left
// running and nothing changed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { throughline, type Ended } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

const app = path.join(import.meta.dirname, '../support/app');
const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-rejected-'));
const unused = path.join(temporary, 'unused');
after(() => rmSync(temporary, { recursive: true, force: true }));

const dev = (...args: string[]): Promise<Ended> => throughline(['dev', app, '--data-dir', unused, ...args]);

function assertRejected({ code, stdout, stderr }: Ended, errorCode: string, says: RegExp): void {
  assert.match(stderr, says);
  assert.match(stderr, new RegExp(String.raw`^throughline: .* \[${errorCode}\] \S.*\n$`));
  assert.equal(stdout, '');
  assert.equal(code, 1);
}

/** An application whose configuration file has this text. */
function appOf(configText: string): string {
  const folder = mkdtempSync(path.join(temporary, 'app-'));
  writeFileSync(path.join(folder, 'throughline.config.mjs'), configText);
  return folder;
}

describe('settings', { concurrency: 2 }, () => {
  const rejections: [name: string, args: string[], code: string, says: RegExp][] = [
    ['a port that is none', ['--http-port', '99999'], 'CONFIG_INVALID', /--http-port: .*65535.*"99999"/],
    ['an address that is not loopback', ['--host', '0.0.0.0'], 'CONFIG_INVALID', /--host: 0\.0\.0\.0 is not loopback/],
    ['a cluster without an address', ['--log', 'kafka://'], 'CONFIG_INVALID', /--log: .*kafka:\/\/host:port/],
    ['a model server without its address', ['--model', 'openai-compatible'], 'CONFIG_INVALID', /needs --model-url/],
    ['an unknown model', ['--model', 'gpt'], 'CONFIG_INVALID', /--model: .*"docs".*"openai-compatible".*"gpt"/],
  ];
  for (const [name, args, code, says] of rejections)
    test(`${name} is rejected`, async () => assertRejected(await dev(...args), code, says));

  const files: [name: string, text: string | undefined, says: RegExp][] = [
    ['missing', undefined, /no throughline\.config\.ts in /],
    ['throws', "throw new Error('no luck')", /throughline\.config\.mjs cannot be loaded: Error: no luck/],
    ['is no JavaScript', 'export default {', /throughline\.config\.mjs cannot be loaded: SyntaxError/],
    ['ends the process', 'process.exit(0)', /throughline\.config\.mjs ended the process \(exit code 0\)/],
    [
      'throws when it is read',
      'export default { get functions() { throw new Error("no hands") } }',
      /throughline\.config\.mjs cannot be loaded: Error: no hands/,
    ],
    ['has a wrong value', 'export default { functions: { answer: { entry: 3 } } }', /functions\.answer\.entry: /],
  ];
  for (const [name, text, says] of files) {
    test(`a configuration file that ${name === 'missing' ? 'is missing' : name} is rejected`, async () => {
      const folder = text === undefined ? mkdtempSync(path.join(temporary, 'empty-')) : appOf(text);
      assertRejected(await throughline(['dev', folder, '--data-dir', unused]), 'CONFIG_INVALID', says);
    });
  }

  test('a configuration file that never finishes is said to be loading, with the way out, and Ctrl-C ends it cleanly', async () => {
    const folder = appOf('setInterval(() => {}, 1000); await new Promise(() => {});');
    const ended = await throughline(['dev', folder, '--data-dir', unused], { interruptAtError: 'Ctrl-C stops' });
    assert.match(
      ended.stderr,
      /^Loading the configuration of .*\nThe configuration of .* has not loaded for 5 s: .*\n$/,
    );
    assert.deepEqual([ended.code, ended.stdout], [0, '']);
  });

  test('a data folder that is a file is rejected, and so is one where no folder can be made', async () => {
    const file = path.join(temporary, 'file');
    writeFileSync(file, 'mine');
    assertRejected(
      await throughline(['dev', app, '--data-dir', file]),
      'CONFIG_INVALID',
      /cannot be used: it is a file/,
    );
    assert.equal(readFileSync(file, 'utf8'), 'mine');
    const below = path.join(file, 'below');
    assertRejected(
      await throughline(['dev', app, '--data-dir', below]),
      'CONFIG_INVALID',
      /cannot be used: it is a file/,
    );
  });

  test('with --json the rejection is JSON', async () => {
    const { code, stdout } = await dev('--host', '0.0.0.0', '--json');
    const { type, error } = JSON.parse(stdout) as { type: string; error: { code: string; remedy: string } };
    assert.deepEqual([code, type, error.code], [1, 'failed', 'CONFIG_INVALID']);
    assert.match(error.remedy, /\S/);
  });
});

describe('a machine that is in use', () => {
  let server: TestServer;
  let other: Server;
  before(async () => {
    server = await startServer();
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
  });
  after(async () => {
    other.close();
    await server.dispose();
  });

  test('a data folder in use is rejected with the pid and the address of its server, which goes on', async () => {
    const rejected = await throughline(['dev', app, '--http-port', '0', '--data-dir', server.dataDir]);
    assertRejected(
      rejected,
      'DATA_DIR_IN_USE',
      new RegExp(`in use by process ${server.pid}, which serves ${server.url}/`),
    );
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  });

  test('a port in use is rejected, and the data folder can be used at once', async () => {
    const { port } = other.address() as { port: number };
    const rejected = await dev('--http-port', String(port));
    assertRejected(rejected, 'PORT_IN_USE', new RegExp(`127.0.0.1:${port} is in use`));
    const next = await startServer({ dataDir: unused });
    assert.equal(await next.stop(), 0);
  });

  test('a data folder of a newer format is rejected and left as it is', async () => {
    await server.stop();
    const file = path.join(server.dataDir, 'log', 'meta.properties');
    const newer = readFileSync(file, 'utf8').replace('format=2', 'format=3');
    writeFileSync(file, newer);
    const rejected = await throughline(['dev', app, '--http-port', '0', '--data-dir', server.dataDir]);
    assertRejected(rejected, 'DATA_FORMAT_UNSUPPORTED', /has format 3, this version reads 2/);
    assert.equal(readFileSync(file, 'utf8'), newer);
  });
});
