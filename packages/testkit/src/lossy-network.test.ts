import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import type { TransportConnection } from '@throughline/broker';
import { LossyNetwork } from './lossy-network.ts';
import { VirtualClock } from './virtual-clock.ts';

/** One end of a connection, with what it was told. */
class End {
  text = '';
  readonly told: string[] = [];
  readonly connection: TransportConnection;

  constructor(connection: TransportConnection) {
    this.connection = connection;
    connection.listen({
      onData: (chunk) => (this.text += Buffer.from(chunk).toString()),
      onDrain: () => this.told.push('drain'),
      onEnd: () => this.told.push('end'),
      onClose: () => this.told.push('close'),
    });
  }

  write(...texts: readonly string[]): void {
    this.connection.write(texts.map((text) => Buffer.from(text)));
  }
}

async function connected(): Promise<{ clock: VirtualClock; network: LossyNetwork; near: End; far: End }> {
  const clock = new VirtualClock();
  const network = new LossyNetwork({ clock, random: seededRandom(1), splitLikelihood: 0.5 });
  let far: End | undefined;
  const { port } = await network.listen({ host: 'h', port: 0 }, (connection) => (far = new End(connection)));
  const connecting = network.connect(port);
  await clock.advance(10);
  const near = new End(await connecting);
  assert.ok(far !== undefined);
  return { clock, network, near, far };
}

test('bytes arrive whole and in order, in pieces of their own', async () => {
  const { clock, near, far } = await connected();
  const texts = Array.from({ length: 50 }, (_, index) => `<${index}>`);
  for (const text of texts) near.write(text);
  far.write('back');
  await clock.advance(1000);
  assert.equal(far.text, texts.join(''));
  assert.equal(near.text, 'back');
});

test('an end lets the other side answer, and two ends close', async () => {
  const { clock, network, near, far } = await connected();
  near.write('question');
  near.connection.end();
  await clock.advance(100);
  assert.deepEqual([far.text, far.told, near.told], ['question', ['end'], []]);
  far.write('answer');
  far.connection.end();
  await clock.advance(100);
  assert.deepEqual([near.text, near.told, far.told], ['answer', ['end', 'close'], ['end', 'close']]);
  assert.equal(network.endCount, 0);
});

test('a cut loses what is on its way, and both sides are told once', async () => {
  const { clock, network, near, far } = await connected();
  near.write('lost');
  network.cut();
  near.write('after');
  await clock.advance(100);
  assert.deepEqual([far.text, near.told, far.told], ['', ['close'], ['close']]);
});

test('nothing passes while the network is held', async () => {
  const { clock, network, near, far } = await connected();
  network.hold();
  near.write('later');
  await clock.advance(100);
  assert.equal(far.text, '');
  network.release();
  await clock.advance(100);
  assert.equal(far.text, 'later');
});

test('whoever has written more than the network holds is told when it has drained', async () => {
  const { clock, near, far } = await connected();
  far.connection.pause();
  near.write('x'.repeat(100_000));
  await clock.advance(100);
  assert.deepEqual([near.connection.unsentBytes, near.told], [100_000, []]);
  far.connection.resume();
  await clock.advance(1000);
  assert.deepEqual([near.connection.unsentBytes, near.told, far.text.length], [0, ['drain'], 100_000]);
});

test('a port that nobody listens on rejects', async () => {
  const { clock, network } = await connected();
  const rejected = assert.rejects(network.connect(1), { code: 'ECONNREFUSED' });
  await clock.advance(10);
  await rejected;
});
