// SAM templates, in the shapes that public ones have, run by `throughline dev`: their functions are called by their URLs and the
// routes of their APIs, and whatever is done otherwise or not at all has a line.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startServer, type TestServer } from '../support/server.ts';

const fixtures = path.resolve(import.meta.dirname, '../fixtures/sam');
const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0;
const skip = hasPython ? false : 'no Python 3.10';

function serve(app: string, ...flags: readonly string[]): () => TestServer {
  let server: TestServer | undefined;
  before(async () => {
    server = await startServer({ app: path.join(fixtures, app), flags });
  });
  after(() => server?.dispose());
  return () => server!;
}

async function call(url: string, name: string, event: unknown = {}): Promise<unknown> {
  const body = JSON.stringify(event);
  const response = await fetch(`${url}/2015-03-31/functions/${name}/invocations`, { method: 'POST', body });
  return response.json();
}

describe('a template with a REST API in Node.js', () => {
  const server = serve('hello-node/template.yaml', '--parameter-overrides', 'Stage=test');

  test('answers at the route of its API with payload format 1.0, and at its URL', async () => {
    const { url } = server();
    const answer = await fetch(`${url}/lambda-api/ServerlessRestApi/hello/Ada%20B?q=1&q=2`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-many'), 'a, b');
    assert.deepEqual(await answer.json(), {
      hello: 'Ada B',
      method: 'GET',
      resource: '/hello/{name}',
      query: { q: ['1', '2'] },
      stage: 'test',
      self: 'arn:aws:lambda:us-east-1:000000000000:function:HelloWorldFunction',
    });
    assert.equal((await fetch(`${url}/lambda-url/HelloWorldFunction/`)).status, 200);
    const other = await fetch(`${url}/lambda-api/ServerlessRestApi/hello/Ada`, { method: 'POST' });
    assert.equal(other.status, 404);
    assert.equal((await fetch(`${url}/lambda-api/Nothing/hello/Ada`)).status, 404);
  });

  test('says what it does not do, a line each', () => {
    const { output } = server();
    assert.match(output, /^template\.yaml: Resources\.HelloWorldFunction\.Properties\.Policies: /m);
    assert.match(output, /^template\.yaml: Resources\.HelloWorldFunction\.Properties\.Layers: it is not heeded/m);
    assert.doesNotMatch(output, /Architectures|Outputs|Timeout/);
  });
});

describe('a folder whose template is in Python', { skip }, () => {
  const server = serve('hello-python');

  test('answers at the route of its HTTP API with payload format 2.0, in the folder of its code', async () => {
    const init = { method: 'POST', body: '{"name":"Bo"}', headers: { 'content-type': 'application/json' } };
    const answer = await fetch(`${server().url}/lambda-api/ServerlessHttpApi/hello`, init);
    assert.equal(answer.status, 201);
    assert.deepEqual(await answer.json(), { hello: 'Bo', route: 'POST /hello', cwd: 'hello_world' });
  });
});

describe('a template in TypeScript that esbuild would build', () => {
  const server = serve('shop-ts', '--parameter-overrides', 'TableName=orders');

  test('runs from its source, with what CloudFormation’s functions say', async () => {
    const { url, output } = server();
    const one = await fetch(`${url}/lambda-api/ShopApi/orders/7`);
    assert.deepEqual(await one.json(), {
      route: 'ANY /orders/{id}',
      parameters: { id: '7' },
      TABLE: 'orders',
      BUS_ARN: 'arn:aws:events:us-east-1:000000000000:event-bus/shop',
      QUEUE: 'queue.mails',
      MODE: 'test',
      JOINED: 'a-y',
    });
    const routeOf = async (where: string): Promise<unknown> =>
      ((await (await fetch(`${url}/lambda-api/ShopApi${where}`)).json()) as { route: unknown }).route;
    assert.equal(await routeOf('/orders'), 'GET /orders');
    assert.equal(await routeOf('/any/other'), 'GET /{proxy+}');
    const status = (await (await fetch(`${url}/v1/status`)).json()) as {
      functions: { name: string; limits: { memoryMb: number; timeoutMs: number } }[];
    };
    assert.deepEqual(
      status.functions.map(({ name, limits }) => [name, limits.memoryMb, limits.timeoutMs]),
      [['OrdersFunction', 256, 10_000]],
    );
    assert.match(output, /Resources\.OrdersTable: AWS::Serverless::SimpleTable is not there; .* orders$/m);
    assert.match(output, /Globals\.HttpApi: it is not heeded/);
  });
});

describe('a template whose events are of every kind', () => {
  const server = serve('events');

  test('starts, and names the kinds and functions that are not there', async () => {
    const { url, output } = server();
    assert.deepEqual(await call(url, 'RecordsFunction'), { seen: true });
    assert.deepEqual(await call(url, 'AfterFunction', 1), { inline: true, event: 1 });
    assert.match(output, /Events\.Table: events of type DynamoDB are not there/);
    assert.doesNotMatch(output, /ScalingConfig/);
    assert.match(output, /ImageFunction\.Properties: the function is left out: it is a container image/);
    assert.match(output, /JavaFunction\.Properties: the function is left out: there is no runtime java21/);
    assert.match(output, /UploadBucket: its objects are the files in .*buckets\/UploadBucket$/m);
    assert.match(output, /MailQueue: it is topic queue\.MailQueue$/m);
  });
});

describe('a template in JSON whose function in Python is a module of a package', { skip }, () => {
  const server = serve('package-python/template.json');

  test('imports relative to itself and from the folder of its code', async () => {
    const value = await call(server().url, 'Worker');
    assert.deepEqual(value, { place: 'in the package', same: true, count: '3', on: 'true' });
  });
});

describe('a template of plain CloudFormation', { skip }, () => {
  const server = serve('plain');

  test('has its function, whose code stands in it', async () => {
    assert.equal(await call(server().url, 'Clock'), 'tick');
  });
});
