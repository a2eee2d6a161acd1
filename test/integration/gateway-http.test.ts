// What a client can do wrong over HTTP, and what it gets for it: coded JSON with a remedy, never HTML, never a stack.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { errorTable, ThroughlineError, utf8, type ErrorCode } from '@throughline/event';
import type { Listener } from '@throughline/gateway';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';

let scripted: ScriptedGateway;
let listener: Listener;
let dir: string;
const crashed = Promise.withResolvers<void>();

before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'throughline-http-'));
  for (const folder of ['page/assets', 'docs/guides', 'docs/.git', 'docs-elsewhere']) {
    mkdirSync(path.join(dir, folder), { recursive: true });
  }
  writeFileSync(path.join(dir, 'page/index.html'), '<!doctype html><title>the page</title>');
  writeFileSync(path.join(dir, 'page/assets/main-abc.js'), 'export {}');
  writeFileSync(path.join(dir, 'docs/guides/crash.md'), '# Crash <script>alert(1)</script>');
  writeFileSync(path.join(dir, 'docs/.git/config.md'), 'hidden');
  writeFileSync(path.join(dir, 'docs/data.bin'), 'binary');
  writeFileSync(path.join(dir, 'docs-elsewhere/secret.md'), 'secret');
  symlinkSync(path.join(dir, 'docs-elsewhere/secret.md'), path.join(dir, 'docs/link.md'));
  scripted = await scriptedGateway({
    pageDir: path.join(dir, 'page'),
    docsDir: path.join(dir, 'docs'),
    bodyBytesMax: 10_000,
    allowedOrigins: ['https://app.example.com'],
    dev: {
      killFunction: async (runId) => {
        if (runId === 'none') throw new ThroughlineError('NOT_FOUND', 'no function process runs');
        return { pid: 4711 };
      },
      crashServer: async () => crashed.resolve(),
    },
    tables: {
      list: async () => [{ name: 'turns', columns: [], rowCount: 1 }],
      rows: async (name, { limit, after }) => {
        if (name !== 'turns') throw new ThroughlineError('UNKNOWN_TABLE', name);
        return { rows: [{ limit, after, source: { topic: 'conversations', partition: 0, offset: 7n } }] };
      },
      sql: async (text, { rowsMax }) => {
        if (!text.startsWith('select')) throw new ThroughlineError('SQL_INVALID', 'not a read');
        return { columns: [{ name: 'n', type: 'INTEGER' }], rows: [{ n: rowsMax }] };
      },
    },
  });
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await scripted.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = (address: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(listener.url + address, { headers });
const post = (address: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(listener.url + address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** Fails unless `response` is an error of `code` in the shape that is promised. */
async function assertError(
  response: Response,
  code: ErrorCode,
  status: number = errorTable[code].httpStatus,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const { error } = JSON.parse(text) as { error: { code: string; message: string; remedy: string } };
  assert.equal(error.code, code, text);
  assert.equal(error.remedy, errorTable[code].remedy);
  assert.ok(error.message.length > 0);
  assert.doesNotMatch(text, /node_modules|\.ts:\d|<html|<!doctype/i);
}

/** Tries until it is true. */
async function until(attempt: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) if ((await attempt()) === true) return;
  assert.fail('never');
}

/** A request with headers that fetch does not let anybody set. */
function rawGet(address: string, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${listener.url}${address}`, { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end();
  });
}

const question = { id: 'c1', messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'hi' }] }] };

describe('bad input', () => {
  test('an unknown address and an unknown endpoint are not found', async () => {
    await assertError(await get('/v1/nothing'), 'NOT_FOUND');
    await assertError(await get('/api/nothing'), 'NOT_FOUND');
    await assertError(await get('/nothing', { accept: '*/*' }), 'NOT_FOUND');
    await assertError(await get('/assets/missing.js'), 'NOT_FOUND');
  });

  test('a method that an address does not take is rejected, and Allow names the ones it does', async () => {
    const response = await get('/api/chat');
    assert.equal(response.headers.get('allow'), 'POST, OPTIONS');
    await assertError(response, 'METHOD_NOT_ALLOWED');
    const deleted = await fetch(`${listener.url}/v1/conversations/c1/events`, { method: 'DELETE' });
    assert.equal(deleted.headers.get('allow'), 'GET, POST, HEAD, OPTIONS');
    await assertError(deleted, 'METHOD_NOT_ALLOWED');
    await assertError(await fetch(`${listener.url}/`, { method: 'PUT' }), 'METHOD_NOT_ALLOWED');
    const options = await fetch(`${listener.url}/v1/tables`, { method: 'OPTIONS' });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get('allow'), 'GET, HEAD, OPTIONS');
  });

  test('a body that is no JSON, of another type, or of the wrong shape is rejected with what is wrong', async () => {
    await assertError(await post('/api/chat', '{"id":'), 'MALFORMED_JSON');
    await assertError(await post('/api/chat', ''), 'MALFORMED_JSON');
    await assertError(await post('/api/chat', question, { 'content-type': 'text/plain' }), 'MALFORMED_JSON');
    for (const body of [
      [],
      {},
      { ...question, messages: [] },
      { ...question, messages: [{ id: 'm', role: 'robot', parts: [] }] },
      { ...question, messages: [{ id: 'm', role: 'user', parts: [] }] },
      { ...question, messages: [{ id: 'm', role: 'user', parts: ['text'] }] },
      { ...question, trigger: 'resume' },
      { ...question, messageId: 7 },
    ]) {
      await assertError(await post('/api/chat', body), 'INVALID_ARGUMENT');
    }
  });

  test('hostile ids never reach the log', async () => {
    const hostile = ['../etc', 'a/b', 'a b', 'a\n', '__proto__', '', '.', 'é', 'a'.repeat(129), "'; drop table", '<b>'];
    for (const id of hostile) {
      await assertError(await post('/api/chat', { ...question, id }), 'INVALID_ARGUMENT');
      await assertError(
        await post('/api/chat', { ...question, messages: [{ ...question.messages[0], id }] }),
        'INVALID_ARGUMENT',
      );
    }
    for (const id of ['a%2Fb', 'a%20b', '%00', '%', 'a%0Ab', '__proto__', 'a'.repeat(129)]) {
      await assertError(await get(`/api/chat/${id}/stream`), 'INVALID_ARGUMENT');
      await assertError(await get(`/v1/conversations/${id}`), 'INVALID_ARGUMENT');
      await assertError(await post(`/api/chat/${id}/stop`, {}), 'INVALID_ARGUMENT');
    }
    const { partitions } = await scripted.log.admin.describeTopic('conversations');
    assert.ok(partitions.every(({ highWatermark }) => highWatermark === 0n));
  });

  test('a body above the limit is rejected without being read, with a length and without one', async () => {
    const big = JSON.stringify({ ...question, padding: 'x'.repeat(20_000) });
    await assertError(await post('/api/chat', big), 'BODY_TOO_LARGE');
    let sentBytes = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sentBytes += 4_096;
        controller.enqueue(utf8('x'.repeat(4_096)));
        if (sentBytes > 50_000_000) controller.close();
      },
    });
    const streamed = await fetch(`${listener.url}/api/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit).catch((error: unknown) => error);
    // The answer may be overtaken by the connection's end; that the body was not taken is what counts.
    if (streamed instanceof Response) await assertError(streamed, 'BODY_TOO_LARGE');
    assert.ok(sentBytes < 50_000_000);
  });

  test('a request that is no HTTP gets coded JSON as well', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(listener.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      let text = '';
      socket.on('data', (piece) => (text += piece.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /"code":"INVALID_ARGUMENT"/);
  });

  test('unknown conversations, tables, topics and offsets each have their code', async () => {
    await assertError(await get('/v1/conversations/none'), 'UNKNOWN_CONVERSATION');
    await assertError(await get('/v1/conversations/none/events'), 'UNKNOWN_CONVERSATION');
    await assertError(await post('/api/chat/none/stop', {}), 'UNKNOWN_CONVERSATION');
    await assertError(await get('/v1/tables/none'), 'UNKNOWN_TABLE');
    await assertError(await post('/v1/sql', { sql: 'drop table turns' }), 'SQL_INVALID');
    await assertError(await get('/v1/topics/none/records'), 'UNKNOWN_TOPIC');
    await assertError(await get('/v1/topics/conversations/records?partition=9'), 'UNKNOWN_TOPIC');
    await assertError(await get('/v1/topics/conversations/records?partition=0&offset=99'), 'OFFSET_OUT_OF_RANGE');
    await assertError(await get('/v1/topics/conversations/records?offset=0'), 'INVALID_ARGUMENT');
    await assertError(await get('/v1/topics/conversations/records?offset=-3'), 'INVALID_ARGUMENT');
    await assertError(await get('/v1/topics/conversations/records?limit=0'), 'INVALID_ARGUMENT');
    await assertError(await get('/v1/conversations?limit=x'), 'INVALID_ARGUMENT');
    await assertError(await get('/v1/conversations?after=x'), 'INVALID_ARGUMENT');
    await assertError(await get('/api/chat/c1/stream?offset=x'), 'INVALID_ARGUMENT');
    assert.equal((await get('/api/chat/none/stream')).status, 204);
  });

  test('what is not built yet says so', async () => {
    for (const method of ['GET', 'PUT', 'POST', 'DELETE']) {
      const response = await fetch(`${listener.url}/v1/stream/conversations/c1`, { method });
      await assertError(response, 'NOT_BUILT_YET');
    }
    const toolResult = { id: 'c1', messages: [{ id: 'r1', role: 'assistant', parts: [{ type: 'tool-x' }] }] };
    await assertError(await post('/api/chat', toolResult), 'NOT_BUILT_YET');
  });

  test('a defect is answered as INTERNAL without its words', async () => {
    const other = await scripted.another({
      status: () => Promise.reject(new Error('/secret/path is in the message')),
    });
    const response = await other.fetch(new Request('http://localhost/v1/status'));
    const text = await response.clone().text();
    assert.doesNotMatch(text, /secret/);
    await assertError(response, 'INTERNAL');
  });

  test('a record that is no event is skipped, counted, and shown in status', async () => {
    await scripted.log.append('conversations', [
      { key: utf8('conversations/rubbish'), value: utf8('no json'), headers: [] },
      { key: null, value: null, headers: [] },
    ]);
    const before = await get('/v1/conversations');
    assert.equal(before.status, 200);
    const { folds } = (await (await get('/v1/status')).json()) as { folds: { name: string; skippedRecords: number }[] };
    assert.equal(folds.find(({ name }) => name === 'gateway-conversations')?.skippedRecords, 2);
    await assertError(await get('/v1/conversations/rubbish'), 'UNKNOWN_CONVERSATION');
  });

  test('a port in use is named', async () => {
    await assert.rejects(scripted.gateway.listen({ host: '127.0.0.1', port: listener.port }), (error) =>
      ThroughlineError.is(error, 'PORT_IN_USE'),
    );
  });
});

describe('who may ask', () => {
  test('a page of another origin is rejected, a client without an origin is not', async () => {
    assert.equal((await get('/v1/tables')).status, 200);
    await assertError(await post('/api/chat', question, { origin: 'https://evil.example' }), 'CROSS_ORIGIN_REFUSED');
    await assertError(await get('/v1/tables', { origin: 'null' }), 'CROSS_ORIGIN_REFUSED');
    await assertError(await get('/v1/tables', { 'sec-fetch-site': 'cross-site' }), 'CROSS_ORIGIN_REFUSED');
    assert.equal((await get('/v1/tables', { origin: listener.url })).status, 200);
  });

  test('a host name that is not this machine is rejected: DNS rebinding', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80', '192.168.0.1']) {
      const { status, text } = await rawGet('/v1/tables', { host });
      assert.equal(status, 403, host);
      assert.match(text, /CROSS_ORIGIN_REFUSED/);
    }
    for (const host of ['localhost', `127.0.0.1:${listener.port}`, '[::1]:80', 'LOCALHOST:1234']) {
      assert.equal((await rawGet('/v1/tables', { host })).status, 200, host);
    }
    assert.equal((await rawGet('/v1/tables', { host: 'a b' })).status, 400);
  });

  test('an allowed origin is named in the answer, others get no CORS header', async () => {
    const origin = 'https://app.example.com';
    const response = await get('/v1/tables', { origin });
    assert.equal(response.headers.get('access-control-allow-origin'), origin);
    const preflight = await fetch(`${listener.url}/api/chat`, { method: 'OPTIONS', headers: { origin } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST, OPTIONS');
    assert.equal((await get('/v1/tables')).headers.get('access-control-allow-origin'), null);
  });
});

describe('files', () => {
  test('the page and its own routes get index.html with a policy; assets are cached for ever', async () => {
    for (const address of ['/', '/c/some-id', '/tables']) {
      const response = await get(address, { accept: 'text/html,*/*' });
      assert.match(await response.text(), /the page/);
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'self'/);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    }
    const asset = await get('/assets/main-abc.js');
    assert.equal(asset.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.match(asset.headers.get('cache-control') ?? '', /immutable/);
    await asset.text();
    const head = await fetch(`${listener.url}/assets/main-abc.js`, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '9');
    const again = await get('/assets/main-abc.js', { 'if-none-match': asset.headers.get('etag') ?? '' });
    assert.equal(again.status, 304);
  });

  test('a document is plain text in a sandbox', async () => {
    const response = await get('/docs/guides/crash.md');
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/);
    assert.match(await response.text(), /<script>/);
  });

  test('nothing outside the documents folder can be reached', async () => {
    for (const address of [
      '/docs/../docs-elsewhere/secret.md',
      '/docs/%2e%2e/docs-elsewhere/secret.md',
      '/docs/..%2fdocs-elsewhere%2fsecret.md',
      '/docs/%2e%2e%2fdocs-elsewhere/secret.md',
      '/docs/guides%5c..%5c..%5csecret.md',
      '/docs/link.md',
      '/docs/.git/config.md',
      '/docs/data.bin',
      '/docs/guides',
      '/docs/guides/crash.md%00.md',
      '/docs/',
      '/docs/%ff.md',
    ]) {
      const { status, text } = await rawGet(address, {});
      assert.equal(status, 404, address);
      assert.doesNotMatch(text, /secret\n|hidden/);
    }
  });
});

describe('the rest', () => {
  test('health, readiness and metrics', async () => {
    assert.equal((await get('/healthz')).status, 200);
    assert.equal((await get('/readyz')).status, 200);
    const text = await (await get('/metrics')).text();
    assert.match(text, /^throughline_http_requests_total\{method="GET",status="200"\} \d+$/m);
    assert.match(text, /^throughline_fold_lag_records\{fold="gateway-conversations"\} 0$/m);
    assert.match(text, /^throughline_first_token_seconds_bucket\{le="\+Inf"\} \d+$/m);
  });

  test('tables and SQL come from the reader that was handed in, offsets as decimal strings', async () => {
    const tables = (await (await get('/v1/tables')).json()) as { tables: { name: string }[] };
    assert.equal(tables.tables[0]?.name, 'turns');
    const page = await (await get('/v1/tables/turns?limit=2&after=x')).json();
    assert.deepEqual(page, {
      rows: [{ limit: 2, after: 'x', source: { topic: 'conversations', partition: 0, offset: '7' } }],
    });
    const answer = await (await post('/v1/sql', { sql: 'select 1', rowsMax: 5 })).json();
    assert.deepEqual(answer, { columns: [{ name: 'n', type: 'INTEGER' }], rows: [{ n: 5 }] });
  });

  test('records are written and read back as lines, followed, limited and by time', async () => {
    await scripted.log.admin.createTopic('notes', { partitions: 2 });
    const records = ['a', 'b', 'c'].map((value) => ({ key: 'k', value, headers: [{ key: 'h', value: '1' }] }));
    const written = (await (await post('/v1/topics/notes/records', { records })).json()) as {
      acks: { partition: number; offset: string }[];
    };
    assert.deepEqual(
      written.acks.map(({ offset }) => offset),
      ['0', '1', '2'],
    );
    const partition = written.acks[0]?.partition;
    const lines = async (query: string): Promise<string[]> => {
      const text = await (await get(`/v1/topics/notes/records?${query}`)).text();
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { value: string }).value);
    };
    assert.deepEqual(await lines(''), ['a', 'b', 'c']);
    assert.deepEqual(await lines('limit=2'), ['a', 'b']);
    assert.deepEqual(await lines(`partition=${partition}&offset=1`), ['b', 'c']);
    assert.deepEqual(await lines('offset=latest'), []);
    assert.deepEqual(await lines('timeMs=0'), ['a', 'b', 'c']);
    const following = get('/v1/topics/notes/records?follow=true&offset=latest&limit=1');
    await following;
    await post('/v1/topics/notes/records', { records: [{ value: 'd' }] });
    assert.match(await (await following).text(), /"value":"d"/);
    assert.deepEqual(await lines('offset=latest&waitMs=5'), [], 'a long-poll read that nothing comes to');
    const waiting = lines('offset=latest&waitMs=20000');
    await until(async () => {
      await post('/v1/topics/notes/records', { records: [{ value: 'e' }] });
      return Promise.race([waiting.then(() => true), new Promise((resolve) => setTimeout(resolve, 5, false))]);
    });
    assert.equal((await waiting)[0], 'e');
    await assertError(await post('/v1/topics/none/records', { records }), 'UNKNOWN_TOPIC');
    await assertError(await post('/v1/topics/notes/records', { records: [] }), 'INVALID_ARGUMENT');
  });

  test('a read of records counts among the open streams until its reader is gone', async () => {
    await scripted.log.admin.createTopic('watched', { partitions: 1 });
    const openStreams = async (): Promise<number> => {
      const text = await (await get('/metrics')).text();
      return Number(/^throughline_http_open_streams (\d+)$/m.exec(text)?.[1]);
    };
    await until(async () => (await openStreams()) === 0);
    const leave = new AbortController();
    const address = `${listener.url}/v1/topics/watched/records?follow=true`;
    const [one, two] = await Promise.all([fetch(address, { signal: leave.signal }), fetch(address)]);
    assert.equal(await openStreams(), 2);
    leave.abort();
    await two.body?.cancel();
    await until(async () => (await openStreams()) === 0);
    assert.equal(one.status, 200);
  });

  test('a field or a parameter that nobody reads is rejected, and null is only what says null', async () => {
    // `{"key":"k","vaule":"x"}` was taken, and a tombstone was written.
    await scripted.log.admin.createTopic('exact', { partitions: 1 });
    const id = '01JZZZZZZZZZZZZZZZZZZZZZZZ';
    const conversation = '/v1/conversations/none/events';
    for (const [address, body, names] of [
      ['/v1/topics/exact/records', { records: [{ key: 'k', vaule: 'x' }] }, 'value'],
      ['/v1/topics/exact/records', { records: [{ key: 'k' }] }, 'value'],
      ['/v1/topics/exact/records', { records: [{ value: 'x', vaule: 'x' }] }, 'records[0].vaule'],
      ['/v1/topics/exact/records', { records: [{ value: 'x' }, { value: 'x', Key: 'k' }] }, 'records[1].Key'],
      ['/v1/topics/exact/records', { records: [{ value: 'x', timestampMs: 5 }] }, 'records[0].timestampMs'],
      ['/v1/topics/exact/records', { records: [{ value: 'x' }], acks: 0 }, 'acks'],
      ['/v1/topics/exact/records', '{"records":[{"value":"x","__proto__":1}]}', 'records[0].__proto__'],
      [
        '/v1/topics/exact/records',
        { records: [{ value: 'x', headers: [{ key: 'h' }] }] },
        'records[0].headers[0].value',
      ],
      [
        '/v1/topics/exact/records',
        { records: [{ value: 'x', headers: [{ key: 'h', value: '1', vaule: '' }] }] },
        'records[0].headers[0].vaule',
      ],
      ['/v1/topics/exact/records', { records: [{ value: 'x', partition: null }] }, 'records[0].partition'],
      ['/v1/topics/exact/records', { records: [{ value: 'half \ud83d' }] }, 'records'],
      ['/v1/topics/exact/records', { records: [{ value: 'x', headers: [{ key: '\udc00', value: '' }] }] }, 'records'],
      ['/v1/sql', { sql: 'select 1', rowsmax: 5 }, 'rowsmax'],
      ['/v1/dev/kill-function', { runID: 'r1' }, 'runID'],
      ['/v1/dev/crash-server', { afterMs: 5 }, 'afterMs'],
      [conversation, { id, type: 'conversation-renamed', payload: { title: 't' }, runid: 'r' }, 'runid'],
    ] as const) {
      const answer = await post(address, body);
      assert.ok((await answer.clone().text()).includes(names), `${address} ${JSON.stringify(body)}`);
      await assertError(answer, 'INVALID_ARGUMENT');
    }
    const inPayload = { id, type: 'conversation-renamed', payload: { title: 't', titel: 'x' } };
    await assertError(await post(conversation, inPayload), 'INVALID_EVENT');
    for (const address of [
      '/v1/topics/exact/records?ofset=5',
      '/v1/topics/exact/records?limit=1&limit=2',
      '/v1/topics/exact/records?timeMs=1796040000',
      '/v1/topics/exact/records?timeMs=2026',
      '/v1/topics/exact/records?timeMs=2026-11-30',
      '/v1/topics/exact/records?timeMs=-1',
      '/v1/topics/exact/records?timeMs=1764500000000&offset=0',
      '/v1/conversations?limt=1',
      '/v1/topics?topic=exact',
      '/v1/status?verbose=true',
      '/v1/conversations/none?offset=1',
      '/v1/tables/turns?after=x&page=2',
      '/v1/conversations/none/events?ofset=',
    ]) {
      await assertError(await get(address), 'INVALID_ARGUMENT');
    }
    await post('/v1/topics/exact/records', { records: [{ key: null, value: null }, { value: '' }] });
    const lines = (await (await get('/v1/topics/exact/records')).text()).trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { value: string | null }).value),
      [null, ''],
      'nothing else was written',
    );
  });

  test('the break-it endpoints are there in development mode only', async () => {
    assert.deepEqual(await (await post('/v1/dev/kill-function', { runId: 'r1' })).json(), { pid: 4711 });
    await assertError(await post('/v1/dev/kill-function', { runId: 'none' }), 'NOT_FOUND');
    assert.equal((await post('/v1/dev/crash-server', {})).status, 202);
    await crashed.promise;
    const production = await scriptedGateway();
    const request = new Request('http://localhost/v1/dev/crash-server', { method: 'POST' });
    await assertError(await production.gateway.fetch(request), 'NOT_FOUND');
    await production.close();
  });
});
