// Functions over the Runtime API as an application names them: a real `throughline dev` with `runtime: 'provided'`, with
// `runtimeApi: true` and a client out of node_modules, and with a SAM template whose runtime is provided.al2023.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';

const fixtures = path.resolve(import.meta.dirname, '../fixtures');
const config = `export default {
  functions: {
    folder: { entry: './folder', runtime: 'provided', handler: 'file', triggers: [{ type: 'url' }] },
    client: { entry: './sources/contract.mjs', codeDir: '.', runtimeApi: true },
  },
};
`;
const template = `AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Custom:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      CodeUri: folder/
      Timeout: 10
`;

/** An application with both kinds, in a folder of its own. */
function application(t: TestContext): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'throughline-test-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const put = (from: string, to: string): void => {
    mkdirSync(path.dirname(path.join(dir, to)), { recursive: true });
    copyFileSync(path.join(fixtures, from), path.join(dir, to));
  };
  put('runtimes/node/bootstrap', 'folder/bootstrap');
  chmodSync(path.join(dir, 'folder/bootstrap'), 0o755);
  put('contract/contract.mjs', 'sources/contract.mjs');
  put('contract/bootstrap', 'node_modules/aws-lambda-ric/client.mjs');
  const bin = { 'aws-lambda-ric': 'client.mjs' };
  writeFileSync(path.join(dir, 'package.json'), '{"type":"module"}');
  writeFileSync(path.join(dir, 'node_modules/aws-lambda-ric/package.json'), JSON.stringify({ bin }));
  writeFileSync(path.join(dir, 'throughline.config.ts'), config);
  writeFileSync(path.join(dir, 'template.yaml'), template);
  return dir;
}

async function call(server: TestServer, name: string): Promise<Record<string, unknown>> {
  const address = `${server.url}/2015-03-31/functions/${name}/invocations`;
  const response = await fetch(address, { method: 'POST', body: '{"n":1}' });
  return (await response.json()) as Record<string, unknown>;
}

test('the configuration names a folder with bootstrap, and AWS’s client out of node_modules', async (t) => {
  const app = application(t);
  const server = await startServer({ app });
  t.after(() => server.dispose());
  const { event, env } = await call(server, 'folder');
  const variables = env as Record<string, string>;
  assert.deepEqual([event, variables['_HANDLER']], [{ n: 1 }, 'file']);
  assert.equal(variables['AWS_EXECUTION_ENV'], 'AWS_Lambda_provided.al2023');
  assert.deepEqual((await call(server, 'client'))['variables'], [app, 'sources/contract.handler', '512', null]);
  const response = await fetch(`${server.url}/lambda-url/folder/a/path`);
  const { event: asked } = (await response.json()) as { event: { rawPath: string } };
  assert.deepEqual([response.status, asked.rawPath], [200, '/a/path']);
});

test('a SAM template with runtime provided.al2023 runs the file bootstrap of its folder', async (t) => {
  const app = application(t);
  const server = await startServer({ app: path.join(app, 'template.yaml') });
  t.after(() => server.dispose());
  const { event, env } = await call(server, 'Custom');
  assert.deepEqual([event, (env as Record<string, string>)['_HANDLER']], [{ n: 1 }, 'bootstrap']);
});
