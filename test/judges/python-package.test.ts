// Package `throughline` for Python before Python's own judges: mypy, ruff, the building of a wheel, an import from that wheel
// alone; and boto3 as a caller of functions in both languages.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startServer } from '../support/server.ts';
import { pythonWith } from './toolchain.ts';

const root = path.resolve(import.meta.dirname, '../..');
const found = pythonWith(['boto3==1.44.8', 'build==1.3.0', 'hatchling==1.33.0', 'mypy==2.4.1', 'ruff==0.17.6']);
const skip = 'missing' in found ? found.missing : false;
const python = 'python' in found ? found.python : '';

function run(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(python, words, {
    cwd: path.join(root, 'python'),
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: path.join(root, 'python') },
  });
  assert.equal(status, 0, `${words.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

test('the package is typed strictly and as ruff wants it', { skip }, (t) => {
  const cache = mkdtempSync(path.join(os.tmpdir(), 'throughline-mypy-'));
  t.after(() => rmSync(cache, { recursive: true }));
  run('-m', 'mypy', '--cache-dir', cache);
  run('-m', 'ruff', 'check', '--no-cache', '.');
  run('-m', 'ruff', 'format', '--no-cache', '--check', '.');
});

test('every event of a trigger has a type with an example that is strictly typed', { skip }, (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-examples-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const module = run(path.join(import.meta.dirname, 'docstring_examples.py'));
  const events = ['FunctionUrl', 'HttpApi', 'RestApi', 'Kafka', 'Kinesis', 'Sqs', 'S3', 'EventBridge', 'Scheduled'];
  for (const event of [...events, 'Destination']) assert.match(module, new RegExp(`def handler_of_${event}Event\\(`));
  const file = path.join(folder, 'examples.py');
  writeFileSync(file, module);
  run('-m', 'mypy', '--strict', '--python-version', '3.10', '--cache-dir', path.join(folder, 'cache'), file);
});

test('its wheel has the package and its types, and needs nothing else', { skip }, (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-wheel-'));
  t.after(() => rmSync(folder, { recursive: true }));
  run('-m', 'build', '--wheel', '--no-isolation', '--outdir', folder);
  const wheel = path.join(folder, readdirSync(folder)[0] ?? '');
  assert.match(wheel, /throughline-0\.1\.0-py3-none-any\.whl$/);
  const program = `import sys; sys.path.insert(0, ${JSON.stringify(wheel)}); import throughline.functions as f; print(f.__file__, f.HttpResponse().status_code)`;
  assert.match(run('-I', '-c', program), /throughline-0\.1\.0-py3-none-any\.whl.* 200\n$/);
  assert.match(run('-m', 'zipfile', '-l', wheel), /throughline\/py\.typed/);
});

test('boto3 calls functions in Node.js and in Python by endpoint alone', { skip }, async (t) => {
  for (const app of ['hello', 'hello-python']) {
    const server = await startServer({ app: path.join(root, 'examples', app) });
    t.after(() => server.dispose());
    const program = `
import boto3, json
client = boto3.client("lambda", endpoint_url="${server.url}", region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="any")
answer = client.invoke(FunctionName="hello", Payload=json.dumps({"name": "Ada"}), LogType="Tail")
print(answer["StatusCode"], answer["ExecutedVersion"], answer["Payload"].read().decode())
for event in client.invoke_with_response_stream(FunctionName="count")["EventStream"]:
    print(event.get("PayloadChunk", {}).get("Payload"))
print([f["FunctionName"] for f in client.list_functions()["Functions"]])
try:
    client.invoke(FunctionName="nobody")
except client.exceptions.ResourceNotFoundException as error:
    print("not found", error.response["Error"]["Code"])
`;
    const lines = run('-c', program).trimEnd().split('\n');
    assert.equal(lines[0], '200 $LATEST {"hello": "Ada"}'.replace(': ', app === 'hello' ? ':' : ': '));
    assert.match(lines.join('\n'), /b'1\\n'[\s\S]*b'5\\n'/);
    assert.deepEqual(lines.slice(-2), ["['hello', 'count']", 'not found ResourceNotFoundException']);
  }
});
