import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { apiVersionsApi, heartbeatApi, produceApi } from '@throughline/wire/apis';
import { kafkaLimitDefaults } from '../defaults.ts';
import { bodies, NetworkByHand, requestBytes, scriptedServer } from './test-support.ts';

test('requests that may be pipelined begin together, and are answered in their order', async (t) => {
  const { connect, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  const ids = [1, 2, 3].map(() => client.send(produceApi, 9, bodies.produce));
  await hasBegun(3);
  for (const one of begun.toReversed()) one.answer();
  for (const id of ids) assert.deepEqual((await client.answer(produceApi, 9, id)).responses, []);
});

test('a request that may not be pipelined begins when those before it are answered, and holds up those behind it', async (t) => {
  const { connect, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  client.send(produceApi, 9, bodies.produce);
  client.send(heartbeatApi, 4, bodies.heartbeat);
  client.send(produceApi, 9, bodies.produce);
  await hasBegun(1);
  const order = [];
  for (let at = 0; at < 3; at++) {
    await hasBegun(at + 1);
    assert.equal(begun.length, at + 1);
    order.push(begun[at]!.api);
    begun[at]!.answer();
    await client.nextFrame();
  }
  assert.deepEqual(order, ['Produce', 'Heartbeat', 'Produce']);
});

test('what a handler throws is answered in the place that the response has for it', async (t) => {
  const { connect, begun, hasBegun, log, server } = await scriptedServer(t);
  const client = await connect();
  const known = client.call(heartbeatApi, 4, bodies.heartbeat);
  await hasBegun(1);
  begun[0]!.fail(new ThroughlineError('UNKNOWN_TOPIC', 'no topic'));
  assert.equal((await known).errorCode, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.deepEqual(log.lines, []);

  for (const at of [1, 2]) {
    const defect = client.call(heartbeatApi, 4, bodies.heartbeat);
    await hasBegun(at + 1);
    begun[at]!.fail(new TypeError('a defect'));
    assert.equal((await defect).errorCode, 'UNKNOWN_SERVER_ERROR');
  }
  assert.deepEqual(log.lines, ['error: a request met a defect']);
  assert.equal(server.metrics.failureTotals.get('Heartbeat'), 3);
});

test('a defect in the middle of a connection is reported and ends that connection only', async (t) => {
  const transport = new NetworkByHand();
  const { log } = await scriptedServer(t, { transport });
  const [broken, other] = [transport.connect(), transport.connect()];
  const written: number[] = [];
  other.write = () => void written.push(1);
  broken.write = () => {
    throw new TypeError('a defect');
  };
  for (const one of [broken, other]) one.receive(requestBytes(apiVersionsApi, 0, {}));
  assert.deepEqual(log.lines.slice(0, 1), ['error: a defect was met where nobody waits for the outcome']);
  assert.deepEqual(written, [1]);
});

test('a rejected request that wants no answer closes the connection', async (t) => {
  const { connect, begun, hasBegun, server } = await scriptedServer(t);
  const client = await connect();
  client.send(produceApi, 9, bodies.produceWithoutAcks);
  await hasBegun(1);
  begun[0]!.answer();
  await client.closed;
  assert.equal(server.metrics.rejectionTotals.get('rejected-without-answer'), 1);
});

test('a failed request that wants no answer gets none: its connection is closed', async (t) => {
  const { connect, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  client.send(produceApi, 9, bodies.produceWithoutAcks);
  await hasBegun(1);
  begun[0]!.fail(new Error('a defect'));
  await assert.rejects(client.nextFrame(), /closed the connection/);
});

test('whoever waits learns that its client has gone', async (t) => {
  const { connect, begun, hasBegun, server } = await scriptedServer(t);
  const client = await connect();
  client.send(heartbeatApi, 4, bodies.heartbeat);
  await hasBegun(1);
  const aborted = new Promise<void>((resolve) => begun[0]!.signal.addEventListener('abort', () => resolve()));
  await client.close();
  await aborted;
  begun[0]!.answer();
  await server.close();
  assert.equal(server.metrics.connectionCount, 0);
  assert.equal(server.metrics.requestBytes, 0);
});

test('a client that says it will send no more still gets the answers to what it has sent', async (t) => {
  const { connect, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  const ids = [1, 2].map(() => client.send(heartbeatApi, 4, bodies.heartbeat));
  client.end();
  for (let at = 0; at < 2; at++) {
    await hasBegun(at + 1);
    begun[at]!.answer();
    assert.equal((await client.answer(heartbeatApi, 4, ids[at]!)).errorCode, 'NONE');
  }
  await client.closed;
});

test('a client that does not read its answers is not read either', async (t) => {
  const network = new NetworkByHand();
  const { server } = await scriptedServer(t, { transport: network, limits: { pendingBytesMax: 100 } });
  const client = network.connect();
  const handled = (): number => server.metrics.requestTotals.get('ApiVersions') ?? 0;
  const request = requestBytes(apiVersionsApi, 0, {});
  client.receive(request);
  assert.equal(handled(), 1);

  client.unsentBytes = kafkaLimitDefaults.unsentBytesMax + 1;
  client.receive(request);
  assert.equal(client.isPaused, false);
  client.receive(request, request, request, request);
  assert.equal(client.isPaused, true);
  assert.equal(handled(), 1);

  client.unsentBytes = 0;
  client.drain();
  assert.equal(handled(), 6);
  assert.equal(client.isPaused, false);
  client.destroy();
});

test('large requests beyond what the server holds wait in the network until others are answered', async (t) => {
  const limits = { queuedBytesMax: 300_000, smallRequestBytes: 1000 };
  const { connect, begun, hasBegun, server } = await scriptedServer(t, { limits });
  const text = 'x'.repeat(30_000);
  const large = { ...bodies.heartbeat, memberId: text, groupId: text, groupInstanceId: text };
  const clients = await Promise.all([connect(), connect(), connect(), connect(), connect()]);
  for (const client of clients) client.send(heartbeatApi, 4, large);
  await hasBegun(3);
  const small = await connect();
  assert.equal((await small.call(apiVersionsApi, 0, {})).errorCode, 'NONE');
  assert.equal(begun.length, 3);
  assert.ok(server.metrics.requestBytes <= 300_000, `${server.metrics.requestBytes} bytes`);
  for (let at = 0; at < 5; at++) {
    await hasBegun(at + 1);
    begun[at]!.answer();
  }
  for (const client of clients) await client.nextFrame();
  assert.equal(server.metrics.requestBytes, 0);
});

test('closing the server answers what is under way and takes no more', async (t) => {
  const { connect, begun, hasBegun, server } = await scriptedServer(t);
  const busy = await connect();
  const idle = await connect();
  await idle.call(apiVersionsApi, 0, {});
  const answer = busy.call(heartbeatApi, 4, bodies.heartbeat);
  await hasBegun(1);
  busy.send(heartbeatApi, 4, bodies.heartbeat);
  const closing = server.close();
  await idle.closed;
  assert.equal(begun[0]!.signal.aborted, true);
  begun[0]!.answer();
  assert.equal((await answer).errorCode, 'NONE');
  await busy.closed;
  await closing;
  assert.equal(begun.length, 1);
});

test('answers that nobody reads are bounded over all connections: who has stood still for longest is closed', async (t) => {
  // Only the records of Fetch were: with ten thousand topics each connection could hold a MiB of Metadata.
  const transport = new NetworkByHand();
  const { server, hasBegun, begun, log } = await scriptedServer(t, { transport, limits: { unsentOfAllBytesMax: 100 } });
  const connections = [1, 2, 3, 4].map(() => transport.connect());
  const sent = connections.map((): (() => void)[] => []);
  const destroyed: number[] = [];
  for (const [i, connection] of connections.entries()) {
    connection.write = (_chunks, onSent) => void sent[i]!.push(onSent!);
    const destroy = connection.destroy.bind(connection);
    connection.destroy = () => {
      destroyed.push(i);
      destroy();
    };
  }
  const answer = async (i: number): Promise<void> => {
    const count = begun.length;
    connections[i]!.receive(requestBytes(heartbeatApi, 4, bodies.heartbeat));
    await hasBegun(count + 1);
    begun[count]!.answer();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  // Some twenty bytes each; the second one reads what it gets.
  const before = server.metrics.sentBytes;
  await answer(0);
  const answerBytes = server.metrics.sentBytes - before;
  const fitting = Math.floor(100 / answerBytes);
  await answer(1);
  sent[1]!.shift()!();
  for (let count = 1; count < fitting; count++) await answer(2);
  assert.deepEqual(destroyed, []);
  await answer(3);
  assert.deepEqual(destroyed, [0]);
  assert.deepEqual(log.lines, [
    'warn: closed a connection that did not read its answers while others needed the memory',
  ]);
  // It is not counted twice when its callback comes.
  sent[0]!.shift()!();
  await answer(1);
  assert.deepEqual(destroyed, [0, 2]);
});
