import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8 } from '@throughline/event';
import { decodeResponse } from '@throughline/wire';
import { apiVersionsApi, heartbeatApi } from '@throughline/wire/apis';
import { VirtualClock } from '@throughline/testkit';
import { connectKafka } from '../../../../test/support/kafka-client.ts';
import type { RejectionReason } from './rejections.ts';
import { bodies, requestBytes, scriptedServer } from './test-support.ts';

/** The start of a request: API key, version, correlation id, client id. */
function request(apiKey: number, apiVersion: number, ...rest: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(14 + rest.length);
  bytes.writeInt32BE(10 + rest.length, 0);
  bytes.writeInt16BE(apiKey, 4);
  bytes.writeInt16BE(apiVersion, 6);
  bytes.writeInt32BE(7, 8);
  bytes.writeInt16BE(-1, 12);
  bytes.set(rest, 14);
  return bytes;
}

const rejected: readonly (readonly [claim: string, bytes: Uint8Array, reason: RejectionReason])[] = [
  ['an API that there is not', request(999, 0), 'unsupported-api'],
  ['an API key below zero', request(-1, 0), 'unsupported-api'],
  ['a version that is too new', request(heartbeatApi.key, 99), 'unsupported-version'],
  ['a version below zero', request(heartbeatApi.key, -1), 'unsupported-version'],
  ['a body that is too short', request(heartbeatApi.key, 0, 0, 9), 'malformed-request'],
  ['a string of a length below null', request(heartbeatApi.key, 0, 0xff, 0xfe), 'malformed-request'],
  ['an empty request', Uint8Array.of(0, 0, 0, 0), 'malformed-request'],
  ['a size below zero', Uint8Array.of(0xff, 0xff, 0xff, 0xff), 'malformed-request'],
  ['a request that is too large', Uint8Array.of(0x0c, 0x80, 0, 0), 'oversize-request'],
  ['HTTP', utf8('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 'http-request'],
  ['TLS', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0), 'tls-hello'],
];

for (const [claim, bytes, reason] of rejected) {
  test(`${claim} closes the connection after the answers to what came before, and the reason is noted`, async (t) => {
    const { connect, server, log } = await scriptedServer(t);
    const client = await connect();
    // A client that speaks something else does so from its first byte on.
    const isFirst = reason === 'http-request' || reason === 'tls-hello';
    if (!isFirst) client.send(apiVersionsApi, 0, {});
    client.sendRaw(bytes);
    if (!isFirst) await client.answer(apiVersionsApi, 0, 1);
    await client.closed;
    assert.deepEqual([...server.metrics.rejectionTotals], [[reason, 1]]);
    assert.equal(log.lines.length, 1);
    assert.match(log.lines[0]!, /^warn: closed a connection/);
    assert.equal(server.metrics.requestBytes, 0);
  });
}

test('who speaks HTTP is told so in HTTP, and who speaks TLS by an alert', async (t) => {
  const { connect } = await scriptedServer(t);
  const http = await connect();
  http.sendRaw(utf8('POST /v1/things HTTP/1.1\r\n\r\n'));
  await http.closed;
  assert.match(fromUtf8(http.rest), /^HTTP\/1\.1 400 .*Kafka protocol/s);
  const tls = await connect();
  tls.sendRaw(Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0));
  await tls.closed;
  assert.deepEqual([...tls.rest], [21, 3, 1, 0, 2, 2, 40]);
});

test('a version of ApiVersions that is too new is answered in version 0, with what there is', async (t) => {
  const { connect } = await scriptedServer(t);
  const client = await connect();
  client.sendRaw(request(apiVersionsApi.key, 99));
  const { body, correlationId } = decodeResponse(apiVersionsApi, 0, await client.nextFrame());
  assert.equal(correlationId, 7);
  assert.equal(body.errorCode, 'UNSUPPORTED_VERSION');
  assert.equal(body.apiKeys.length, 3);
});

test('a reason that comes again and again is logged once in a while, with the count of the others', async (t) => {
  const clock = new VirtualClock();
  const { connect, log, server } = await scriptedServer(t, { clock });
  const rejectOne = async (): Promise<void> => {
    const client = await connect();
    client.sendRaw(request(999, 0));
    await client.closed;
  };
  await rejectOne();
  await rejectOne();
  await rejectOne();
  assert.equal(log.lines.length, 1);
  await clock.advance(10_000);
  await rejectOne();
  assert.equal(log.lines.length, 2);
  assert.equal(server.metrics.rejectionTotals.get('unsupported-api'), 4);
});

test('half a request that comes no further is given up after half a minute', async (t) => {
  const clock = new VirtualClock();
  const { connect, server } = await scriptedServer(t, { clock });
  const stalled = await connect();
  const idle = await connect();
  await idle.call(apiVersionsApi, 0, {});
  stalled.sendRaw(Uint8Array.of(0, 0, 1, 0, 0));
  await receivedBytes(server, 5 + requestBytes(apiVersionsApi, 0, {}).length);
  await clock.advance(25_000);
  assert.equal(server.metrics.connectionCount, 2);
  await clock.advance(15_000);
  await stalled.closed;
  assert.equal(server.metrics.rejectionTotals.get('stalled-request'), 1);
  assert.equal((await idle.call(apiVersionsApi, 0, {})).errorCode, 'NONE');
});

test('a request that comes slowly but comes is waited for', async (t) => {
  const clock = new VirtualClock();
  const { connect, server, begun, hasBegun } = await scriptedServer(t, { clock });
  const client = await connect();
  const bytes = requestBytes(heartbeatApi, 4, { ...bodies.heartbeat, memberId: 'm'.repeat(4000) });
  for (let at = 0; at < bytes.length; at += 1100) {
    client.sendRaw(bytes.subarray(at, at + 1100));
    await receivedBytes(server, Math.min(at + 1100, bytes.length));
    await clock.advance(25_000);
  }
  await hasBegun(1);
  begun[0]!.answer();
  await client.nextFrame();
});

test('a connection without requests is closed after connections.max.idle.ms, one whose request is under way is not', async (t) => {
  const clock = new VirtualClock();
  const { connect, server, begun, hasBegun, log } = await scriptedServer(t, {
    clock,
    limits: { connectionIdleMs: 60_000 },
  });
  const idle = await connect();
  const waiting = await connect();
  const answer = waiting.call(heartbeatApi, 4, bodies.heartbeat);
  await hasBegun(1);
  await clock.advance(70_000);
  await idle.closed;
  assert.deepEqual([...server.metrics.rejectionTotals], [['idle', 1]]);
  assert.equal(log.lines.filter((line) => !line.startsWith('debug')).length, 0);
  begun[0]!.answer();
  assert.equal((await answer).errorCode, 'NONE');
});

test('connections beyond max.connections and max.connections.per.ip are rejected, and those that are there stay', async (t) => {
  for (const connectionCounts of [
    { max: 2, perAddressMax: 9 },
    { max: 9, perAddressMax: 2 },
  ]) {
    const { connect, server, address } = await scriptedServer(t, { connectionCounts });
    const first = await connect();
    const second = await connect();
    const third = await connectKafka(address);
    await third.closed;
    assert.equal(server.metrics.rejectionTotals.get('too-many-connections'), 1);
    await first.call(apiVersionsApi, 0, {});
    await second.close();
    while (server.metrics.connectionCount > 1) await new Promise(setImmediate);
    await (await connect()).call(apiVersionsApi, 0, {});
  }
});

async function receivedBytes(
  server: { readonly metrics: { readonly receivedBytes: number } },
  bytes: number,
): Promise<void> {
  while (server.metrics.receivedBytes < bytes) await new Promise(setImmediate);
}
