// Every endpoint of the gateway, and every way in which a request can be wrong that has nothing to do with what the endpoint
// is for: no answer is a defect of ours, and every rejection has the coded shape. The endpoints are those that PROTOCOL.md
// names, so that one that is added is asked as well; those of functions (§6.6) have AWS's shapes and tests of their own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { errorTable, ThroughlineError, type ErrorCode, type Logger } from '@throughline/event';
import type { Listener } from '@throughline/gateway';
import { scriptedGateway, type ScriptedGateway } from '../support/scripted-gateway.ts';

interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** As PROTOCOL.md names it. */
  readonly path: string;
  readonly parameters?: readonly string[];
  /** Whether it leaves alone what it does not know: of the AI SDK and of applications, or of whoever probes a server. */
  readonly isLenient?: boolean;
  /** `none`: it needs no body. */
  readonly body?: 'needed' | 'none';
}

const endpoints: readonly Endpoint[] = [
  { method: 'POST', path: '/api/chat', isLenient: true, body: 'needed' },
  { method: 'GET', path: '/api/chat/:id/stream', parameters: ['offset'] },
  { method: 'POST', path: '/api/chat/:id/stop', body: 'none' },
  { method: 'GET', path: '/v1/conversations', parameters: ['limit', 'after', 'archived'] },
  { method: 'GET', path: '/v1/conversations/:id' },
  { method: 'GET', path: '/v1/conversations/:id/events', parameters: ['offset'] },
  { method: 'POST', path: '/v1/conversations/:id/events', body: 'needed' },
  { method: 'GET', path: '/v1/tables' },
  { method: 'GET', path: '/v1/tables/:name', parameters: ['limit', 'after'] },
  { method: 'POST', path: '/v1/sql', body: 'needed' },
  { method: 'GET', path: '/v1/topics' },
  {
    method: 'GET',
    path: '/v1/topics/:topic/records',
    parameters: ['partition', 'offset', 'timeMs', 'limit', 'follow', 'waitMs'],
  },
  { method: 'POST', path: '/v1/topics/:topic/records', body: 'needed' },
  { method: 'GET', path: '/v1/status' },
  { method: 'GET', path: '/v1/functions' },
  { method: 'GET', path: '/v1/functions/:name' },
  { method: 'POST', path: '/v1/dev/kill-function', body: 'needed' },
  { method: 'POST', path: '/v1/dev/crash-server', body: 'none' },
  { method: 'GET', path: '/healthz', isLenient: true },
  { method: 'GET', path: '/readyz', isLenient: true },
  { method: 'GET', path: '/metrics', isLenient: true },
  { method: 'GET', path: '/docs/*', isLenient: true },
  { method: 'GET', path: '/', isLenient: true },
];

const bodyBytesMax = 10_000;
let scripted: ScriptedGateway;
let listener: Listener;
/** What the gateway has logged as a failure of its own. */
const failures: unknown[] = [];
const logger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error: (fields, message) => failures.push({ ...fields, message }),
};

before(async () => {
  scripted = await scriptedGateway({
    bodyBytesMax,
    logger,
    dev: {
      killFunction: () => Promise.reject(new ThroughlineError('NOT_FOUND', 'no function process runs')),
      crashServer: async () => {},
    },
    tables: {
      list: async () => [],
      rows: (name) => Promise.reject(new ThroughlineError('UNKNOWN_TABLE', name)),
      sql: async () => ({ columns: [], rows: [] }),
    },
  });
  await scripted.log.admin.createTopic('notes', { partitions: 1 });
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await scripted.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Sends what `fetch` would correct or reject by itself. */
function ask({ method, target, headers = {}, body }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(listener.url);
    const request = httpRequest({ hostname, port, method, path: target, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const json = { 'content-type': 'application/json' };
const nameOf = ({ method, path }: Endpoint): string => `${method} ${path}`;
const targetOf = ({ path }: Endpoint, value = 'notes'): string => path.replace(/:\w+|\*/, value);

/** Fails unless it is a rejection in the shape that is promised, and not our own fault. */
function assertCoded({ status, headers, text }: Answer, what: string, ...codes: readonly ErrorCode[]): void {
  assert.ok(status >= 400 && status < 500, `${what}: ${status} ${text}`);
  assert.match(String(headers['content-type']), /^application\/json/, what);
  const { error } = JSON.parse(text) as { error: { code: ErrorCode; message: string; remedy: string } };
  assert.ok(codes.includes(error.code), `${what}: ${text}`);
  assert.equal(status, errorTable[error.code].httpStatus, what);
  assert.equal(error.remedy, errorTable[error.code].remedy, what);
  assert.ok(error.message !== '', what);
}

/** Fails unless it was taken or rejected in the promised shape. */
function assertNoDefect(answer: Answer, what: string): void {
  if (answer.status >= 400) assertCoded(answer, what, ...(Object.keys(errorTable) as ErrorCode[]));
}

test('every endpoint that the protocol names is asked here', () => {
  const protocol = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8');
  const { http = '' } = /^## 6\. HTTP$(?<http>[\s\S]*?)^### 6\.6 Functions$/m.exec(protocol)?.groups ?? {};
  const rows = http.split('\n').filter((line) => line.startsWith('| `'));
  const named = rows.flatMap((row) => {
    const cell = row.split(/ \| | and every other path/, 1)[0] ?? '';
    let method = '';
    return Array.from(cell.matchAll(/`(?:(GET|POST) )?(\/[^`?\s]*)/g), ([, verb, path = '']) => {
      method = verb ?? method;
      return `${method} ${path}`;
    });
  });
  assert.deepEqual([...new Set(named)].toSorted(), endpoints.map(nameOf).toSorted());
});

describe('no endpoint answers a request that is wrong with a defect, or without a code', () => {
  test('another method, with what is taken', async () => {
    for (const path of new Set(endpoints.map((endpoint) => endpoint.path))) {
      const taken = endpoints.filter((endpoint) => endpoint.path === path).map(({ method }) => method);
      const target = path.replace(/:\w+|\*/, 'notes');
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'TRACE']) {
        if (taken.some((each) => each === method)) continue;
        const answer = await ask({ method, target });
        assertCoded(answer, `${method} ${path}`, 'METHOD_NOT_ALLOWED');
        for (const each of taken) assert.ok(String(answer.headers['allow']).includes(each), `${method} ${path}`);
      }
    }
  });

  test('a parameter that nobody reads, and one that is given twice', async () => {
    for (const endpoint of endpoints) {
      const target = targetOf(endpoint);
      const { method, parameters = [], isLenient } = endpoint;
      const unknown = await ask({ method, target: `${target}?nobody=1`, headers: json, body: bodyFor(endpoint, '{}') });
      if (isLenient === true) assertNoDefect(unknown, nameOf(endpoint));
      else assertCoded(unknown, nameOf(endpoint), 'INVALID_ARGUMENT');
      for (const name of parameters) {
        const twice = await ask({ method, target: `${target}?${name}=1&${name}=1` });
        assertCoded(twice, `${nameOf(endpoint)} ${name}`, 'INVALID_ARGUMENT');
        for (const value of ['', 'x', '-1', '1e3', '%', '%ff', '%00', '9'.repeat(400), '%D9%A3', '1&1']) {
          assertNoDefect(await ask({ method, target: `${target}?${name}=${value}` }), `${nameOf(endpoint)} ${name}`);
        }
      }
      for (const query of ['?', '?&', '?%', '?=', '?%ff=%ff', '?__proto__=1'])
        assertNoDefect(await ask({ method, target: target + query }), `${nameOf(endpoint)} ${query}`);
    }
  });

  test('a path that names nothing, or is no percent-encoding', async () => {
    const values = [
      '%',
      '%ff',
      '%00',
      '%zz',
      '%2e%2e',
      '..%2f..%2fetc',
      'a%2fb',
      '__proto__',
      '%20',
      'x'.repeat(5_000),
      '%f0%9f%98%80',
    ];
    for (const endpoint of endpoints.filter(({ path }) => /[:*]/.test(path))) {
      for (const value of values) {
        const { method } = endpoint;
        const sent = { method, target: targetOf(endpoint, value), headers: json, body: bodyFor(endpoint, '{}') };
        const answer = await ask(sent);
        // A stream of a conversation that nobody has begun is none, which is no error.
        if (answer.status !== 204) assertCoded(answer, `${nameOf(endpoint)} ${value}`, ...notThere);
      }
    }
  });

  test('a body that is none, is not what is expected, or says what nobody hears', async () => {
    const bodies: readonly (readonly [string, string | Uint8Array, ErrorCode])[] = [
      ['half of JSON', '{"a":', 'MALFORMED_JSON'],
      ['a word', 'nonsense', 'MALFORMED_JSON'],
      ['no UTF-8', Buffer.from('{"\xff":1}', 'latin1'), 'MALFORMED_JSON'],
      ['blanks', '  ', 'MALFORMED_JSON'],
      ['a list', '[]', 'INVALID_ARGUMENT'],
      ['null', 'null', 'INVALID_ARGUMENT'],
      ['a text', '"a"', 'INVALID_ARGUMENT'],
      ['a number', '1', 'INVALID_ARGUMENT'],
      ['an unknown field', '{"nobody":1}', 'INVALID_ARGUMENT'],
      ['the prototype', '{"__proto__":{"a":1}}', 'INVALID_ARGUMENT'],
      ['a deep one', `{"a":${'['.repeat(1_000)}${']'.repeat(1_000)}}`, 'INVALID_ARGUMENT'],
      ['a huge one', `{"a":"${'x'.repeat(bodyBytesMax)}"}`, 'BODY_TOO_LARGE'],
    ];
    for (const endpoint of endpoints.filter(({ body }) => body !== undefined)) {
      const { method } = endpoint;
      const target = targetOf(endpoint);
      for (const [what, body, code] of bodies) {
        for (const headers of [json, { ...json, 'transfer-encoding': 'chunked' }]) {
          const answer = await ask({ method, target, headers, body });
          assertCoded(answer, `${nameOf(endpoint)}: ${what}`, code);
        }
      }
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']) {
        const answer = await ask({ method, target, headers: { 'content-type': type }, body: '{}' });
        assertCoded(answer, `${nameOf(endpoint)}: ${type}`, 'MALFORMED_JSON');
      }
      for (const headers of [{ 'content-length': '0' }, { 'transfer-encoding': 'chunked' }, { ...json }]) {
        const empty = await ask({ method, target, headers });
        if (endpoint.body === 'needed') assertCoded(empty, nameOf(endpoint), 'MALFORMED_JSON');
        // No conversation is named `notes`, so that there is nothing to stop.
        else if (empty.status !== 202) assertCoded(empty, nameOf(endpoint), 'UNKNOWN_CONVERSATION');
      }
    }
  });

  test('headers that are wrong', async () => {
    for (const endpoint of endpoints) {
      const target = targetOf(endpoint);
      for (const headers of [
        { expect: 'the unexpected' },
        { 'last-event-id': 'x' },
        { accept: ';;;' },
        { 'if-none-match': '"' },
        { range: 'bytes=9-1' },
        { 'content-type': 'application/json; charset=nonsense' },
        { 'content-encoding': 'gzip' },
      ])
        assertNoDefect(await ask({ method: endpoint.method, target, headers }), nameOf(endpoint));
    }
  });

  test('what is hardly HTTP', async () => {
    for (const lines of [
      'GET /v1/status HTTP/1.1\r\n\r\n',
      'GET /v1/status HTTP/1.1\r\nHost: \r\n\r\n',
      'GET /v1/status HTTP/1.1\r\nHost: a b\r\n\r\n',
      'GET http://elsewhere.example/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET //v1//status HTTP/1.1\r\nHost: localhost\r\n\r\n',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      'POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nContent-Length: 8\r\n\r\n{}',
      'POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ]) {
      const text = await raw(lines);
      const [head = '', body = ''] = text.split('\r\n\r\n');
      assert.match(head, /^HTTP\/1\.1 4\d\d /, lines.slice(0, 60));
      assert.match(body, /"code":"[A-Z_]+"/, lines.slice(0, 60));
    }
  });

  test('a sender that is gone before its body has ended is no failure of ours', async () => {
    for (const { method, path } of endpoints.filter(({ body }) => body === 'needed')) {
      const target = path.replace(/:\w+/, 'notes');
      await raw(
        `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":`,
      );
    }
    // An answer that comes later than those is an answer behind them.
    assertNoDefect(await ask({ method: 'GET', target: '/v1/status' }), 'the status');
    assert.deepEqual(failures, []);
  });
});

/** Codes of what is not there, and of a name that nothing can have. */
const notThere: readonly ErrorCode[] = [
  'INVALID_ARGUMENT',
  'UNKNOWN_CONVERSATION',
  'UNKNOWN_TABLE',
  'UNKNOWN_FUNCTION',
  'UNKNOWN_TOPIC',
  'NOT_FOUND',
];

function bodyFor({ body }: Endpoint, text: string): string {
  return body === undefined ? '' : text;
}

/** Sends bytes and ends its side; resolves with all that comes back. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(listener.port, '127.0.0.1', () => socket.end(bytes));
    let text = '';
    socket.on('data', (piece) => (text += piece.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}
