// examples/hello as its readers run it: a real `throughline dev`, called from the command line, by its URLs and by AWS's
// client.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { throughline, type Ended, type RunOptions } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

const app = path.join(import.meta.dirname, '../../examples/hello');
let server: TestServer;
before(async () => {
  server = await startServer({ app });
});
after(() => server.dispose());

const invoke = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  throughline(['invoke', ...args, '--data-dir', server.dataDir], options);

test('the command line prints the value, and the log beside it', async () => {
  const { code, stdout, stderr } = await invoke(['hello', '--payload', '{"name":"Ada"}', '--log']);
  assert.deepEqual([code, stdout], [0, '{"hello":"Ada"}\n']);
  assert.match(stderr, /^START RequestId: [\s\S]*\nREPORT RequestId: \S+  Duration: .*\n$/m);
  assert.equal((await invoke(['hello', '--file', '-'], { input: '{"name":"B"}' })).stdout, '{"hello":"B"}\n');
  const count = await invoke(['count']);
  assert.equal(count.stdout, '1\n2\n3\n4\n5\n');
  assert.match(count.stderr, /^head \{"statusCode":200,/m);
});

test('the command line says what is wrong, and exits with 1', async () => {
  for (const [args, says] of [
    [['nobody'], /Function not found: .*nobody \[UNKNOWN_FUNCTION\]/],
    [['hello', '--payload', '{'], /--payload or --file: Could not parse request body.* \[INVALID_ARGUMENT\]/],
    [['hello', '--payload', 'null'], /hello: TypeError: .* \[FUNCTION_ERROR\]/],
    [['hello', '--file', '/no/such/file'], /ENOENT.* \[INVALID_ARGUMENT\]/],
    [['hello', '--file', '-', '--payload', '{}'], /not both \[INVALID_ARGUMENT\]/],
    [[''], /which function\? \[INVALID_ARGUMENT\]/],
    [['hello', '--file', '/dev/zero'], /\[BODY_TOO_LARGE\]/],
    [['nobody', '--async'], /Function not found: .*nobody \[UNKNOWN_FUNCTION\]/],
    [['hello', '--async', '--log'], /--log and --async.* \[INVALID_ARGUMENT\]/],
  ] as const) {
    const { code, stdout, stderr } = await invoke(args);
    assert.match(stderr, says);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
  }
});

test('--async prints the request id of an event that is kept, and its function is called with it', async () => {
  const { code, stdout } = await invoke(['hello', '--async', '--payload', '{"name":"Later"}']);
  assert.equal(code, 0);
  const requestId = stdout.trim();
  assert.match(requestId, /^[0-9a-f-]{36}$/);
  const read = ['consume', '_throughline.async', '--follow', '--limit', '2', '--json', '--data-dir', server.dataDir];
  const lines = (await throughline(read)).stdout.trim().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { key: string; value: string });
  assert.deepEqual(
    records.map(({ key }) => key),
    [requestId, requestId],
  );
  assert.deepEqual(records[0]?.value, '{"name":"Later"}');
  assert.deepEqual(JSON.parse(records[1]?.value ?? ''), { event: '0', attempts: 1 });
});

test('URLs answer, and stream what is written as it is written', async () => {
  const hello = await fetch(`${server.url}/lambda-url/hello`);
  assert.deepEqual([hello.status, await hello.json()], [200, { hello: 'world' }]);
  const named = await fetch(`${server.url}/lambda-url/hello/?name=Bo`);
  assert.deepEqual(await named.json(), { hello: 'Bo' });
  const pieces: string[] = [];
  const count = await fetch(`${server.url}/lambda-url/count/`);
  for await (const piece of count.body ?? []) pieces.push(Buffer.from(piece).toString());
  assert.equal(pieces.join(''), '1\n2\n3\n4\n5\n');
  assert.ok(pieces.length >= 3, `came in ${pieces.length} pieces`);
});

test("AWS's client calls the function that the command line and the page see", async () => {
  const client = new LambdaClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
  const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'hello', Payload: '{"name":"C"}' }));
  client.destroy();
  assert.equal(Buffer.from(Payload ?? []).toString(), '{"hello":"C"}');
  const status = (await (await fetch(`${server.url}/v1/status`)).json()) as {
    functions: { name: string; totals: { invocations: number } }[];
  };
  assert.ok((status.functions.find(({ name }) => name === 'hello')?.totals.invocations ?? 0) > 0);
});

test('a trigger that is not built is said at the start, and so is one that there is not', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-triggers-'));
  try {
    for (const [triggers, says] of [
      ["[{ type: 'queue' }]", /functions\.hello\.triggers\.0\.queue.*\[CONFIG_INVALID\]/],
      [
        "[{ type: 'kafka', topic: 'jobs', onFailure: 'kafka://jobs' }]",
        /functions\.hello\.triggers\.0: onFailure: jobs is the topic that is read.*\[CONFIG_INVALID\]/,
      ],
      ["[{ type: 'url' }, { type: 'url' }]", /a function has one URL.*\[CONFIG_INVALID\]/],
      [
        "[{ type: 'url', responseMode: 'SOMETIMES' }]",
        /functions\.hello\.triggers\.0\.responseMode.*\[CONFIG_INVALID\]/,
      ],
      ["[{ type: 'moon' }]", /functions\.hello\.triggers\.0\.type.*\[CONFIG_INVALID\]/],
    ] as const) {
      writeFileSync(path.join(folder, 'hello.ts'), 'export const handler = () => 1;');
      const config = `export default { functions: { hello: { entry: './hello.ts', triggers: ${triggers} } } };`;
      writeFileSync(path.join(folder, 'throughline.config.ts'), config);
      const { code, stderr } = await throughline([
        'dev',
        folder,
        '--data-dir',
        path.join(folder, 'data'),
        '--http-port',
        '0',
      ]);
      assert.match(stderr, says);
      assert.equal(code, 1);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
