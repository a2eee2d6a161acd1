// Bad frames, made of good ones of every API and version, against a whole broker in memory. Whatever comes: no exception that nobody
// meets, no defect in the log, no connection that stays, no memory that grows, and the next good request is answered.
// SEED sets the seed; a failing frame is printed with its number, which SEED and FRAME bring back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { integerBetween, seededRandom, type Random } from '@throughline/event';
import { createBroker, type RunningBroker } from '@throughline/broker';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { decodeResponse } from '@throughline/wire';
import { apiVersionsApi } from '@throughline/wire/apis';
import { DefectRecorder } from '../workload/defect-recorder.ts';
import { KafkaConnection } from '../workload/kafka-connection.ts';
import { captureRequests, samplesOf, type Capture, type Sample } from './captures.ts';
import { DirectNetwork } from './direct-network.ts';
import { longFields } from './long-fields.ts';
import { mutate } from './mutators.ts';

const seed = Number(process.env['SEED'] ?? 1);
const rounds = Number(process.env['THROUGHLINE_ROUNDS'] ?? 0);
/** The 20 rounds of `npm run test:long` make a million. */
const frameCount = rounds === 0 ? 20_000 : 50_000 * rounds;
/** A broker is given so many: what mutants make (topics, groups, records) is theirs to keep. */
const framesPerBroker = 2_000;
const MiB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Subject {
  readonly broker: RunningBroker;
  readonly network: DirectNetwork;
  readonly clock: VirtualClock;
  readonly logger: DefectRecorder;
  readonly control: KafkaConnection;
  readonly captures: readonly Capture[];
  readonly samples: readonly Sample[];
}

async function startSubject(random: Random, config: Readonly<Record<string, string>> = {}): Promise<Subject> {
  const clock = new VirtualClock();
  const network = new DirectNetwork();
  const logger = new DefectRecorder();
  const options = {
    dataDir: '/data',
    disk: new LossyDisk(),
    random: seededRandom(integerBetween(random, 0, 1e9)),
    clock,
    logger,
    transport: network,
    config,
  };
  const broker = await createBroker(options);
  const { topicId } = await broker.broker.createTopic('t', { partitions: 2, config: { durability: 'memory' } });
  const control = new KafkaConnection(network.connect(), clock, 60_000);
  const context = { topic: 't', topicId, group: 'g' };
  const captures = captureRequests(context);
  return { broker, network, clock, logger, control, captures, samples: samplesOf(context) };
}

/** Whether a good request is answered on a connection that was there before. */
async function answers({ control, clock }: Subject): Promise<boolean> {
  const answered = control.call(apiVersionsApi, 3, { clientSoftwareName: 'good', clientSoftwareVersion: '1' });
  for (let turn = 0; turn < 50; turn++) {
    const isDone = await Promise.race([answered.then(() => true), clock.settle(1).then(() => false)]);
    if (isDone) return true;
  }
  // It is waited for no longer; what it comes to is of no interest.
  answered.catch(() => {});
  return false;
}

/** Sends bytes on a connection of their own, gives the broker some turns, and hangs up. */
async function send({ network, clock }: Subject, bytes: Uint8Array, cuts: readonly number[]): Promise<void> {
  const connection = network.connect();
  connection.listen({ onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} });
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    connection.write([bytes.subarray(from, to)]);
    from = to;
  }
  await clock.settle(4);
  connection.destroy();
  await clock.settle(1);
}

/** Sends a whole request and waits for its answer, or for some turns where it gets none; what was answered. */
async function ask({ network, clock }: Subject, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const connection = network.connect();
  const chunks: Uint8Array[] = [];
  const seen = { isClosed: false };
  const onClose = (): void => void (seen.isClosed = true);
  connection.listen({ onData: (chunk) => void chunks.push(chunk), onDrain: () => {}, onEnd: () => {}, onClose });
  connection.write([bytes]);
  for (let turn = 0; turn < 30 && !seen.isClosed && chunks.length === 0; turn++) await clock.settle(1);
  connection.destroy();
  await clock.settle(1);
  return chunks.length === 0 ? undefined : Buffer.concat(chunks);
}

/** Gives a new broker the frames from number `first` on, and closes it. */
async function fuzzOneBroker(first: number, only: number | undefined): Promise<void> {
  // Each broker's frames come from a seed of their own: the millionth one can be made again at once.
  const random = seededRandom(seed * 1_000_003 + first);
  const subject = await startSubject(random);
  const { broker, logger, captures, control, clock } = subject;
  for (let index = first; index < Math.min(frameCount, first + framesPerBroker); index++) {
    const capture = captures[integerBetween(random, 0, captures.length - 1)]!;
    const other = captures[integerBetween(random, 0, captures.length - 1)]!;
    const { name, bytes } = mutate(capture.bytes, random, other.bytes);
    const cuts = random.float() < 0.2 ? [integerBetween(random, 0, bytes.length)] : [];
    if (only !== undefined && only !== index) continue;
    const what = (): string => {
      const hex = Buffer.from(bytes.subarray(0, 1000)).toString('hex');
      return `SEED=${seed} FRAME=${index} ${capture.name}, ${name}: ${hex}`;
    };
    await send(subject, bytes, cuts);
    assert.ok(await answers(subject), `no answer after ${what()}`);
    assert.deepEqual(logger.defects, [], what());
    assert.ok(broker.metrics.connectionCount <= 1, `${broker.metrics.connectionCount} connections after ${what()}`);
  }
  control.close();
  await clock.settle(4);
  assert.equal(broker.metrics.connectionCount, 0);
  await broker.close();
}

/** What is in use once all garbage is gone; buffers are freed some time after they were found to be garbage. */
async function usedBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}

test(`${frameCount} bad frames leave a broker that answers (SEED=${seed})`, async (t) => {
  const only = process.env['FRAME'] === undefined ? undefined : Number(process.env['FRAME']);
  let usedBytesAtStart = Number.POSITIVE_INFINITY;
  for (let first = 0; first < frameCount; first += framesPerBroker) {
    await fuzzOneBroker(first, only);
    const used = await usedBytes();
    usedBytesAtStart = Math.min(usedBytesAtStart, used);
    // A leak of a kilobyte for each frame would be 18 MiB here, and a gigabyte in the long run.
    assert.ok(used < usedBytesAtStart + 16 * MiB, `memory went from ${usedBytesAtStart} to ${used} bytes`);
  }
  // What a single lie about a size could make the broker ask for.
  const { rss } = process.memoryUsage();
  assert.ok(rss < 600 * MiB, `${rss} bytes resident`);
  t.diagnostic(`${Math.round(rss / MiB)} MiB resident at the end`);
});

test('fields of every API as long as a bound allows, and longer, are answered or rejected, and nothing is left of them that fails later', async () => {
  const expiry = { 'offsets.retention.minutes': '1', 'offsets.retention.check.interval.ms': '30000' };
  const subject = await startSubject(seededRandom(1), expiry);
  const { broker, control, clock, logger, samples } = subject;
  let sentCount = 0;
  let answerCount = 0;
  for (const sample of samples) {
    for (const { name, version, bytes } of longFields(sample)) {
      const answered = await ask(subject, bytes);
      sentCount++;
      if (answered !== undefined) answerCount++;
      assert.ok(await answers(subject), `no answer after ${name}`);
      assert.deepEqual(logger.defects, [], name);
      // A client can read what it is answered: no string of it is longer than strings are.
      if (answered !== undefined) decodeResponse(sample.api, version, answered.subarray(4));
    }
    // The sessions of all members that came end, and what was committed expires.
    await clock.advance(60_000);
    assert.deepEqual(logger.defects, [], `a minute after ${sample.api.name}`);
  }
  assert.ok(sentCount > 1_000 && answerCount > sentCount / 2, `${answerCount} answers to ${sentCount} frames`);
  await clock.advance(60_000);
  assert.deepEqual(logger.defects, []);
  control.close();
  await clock.settle(4);
  await broker.close();
});

test('every API that the broker answers is among the captures, and takes its captures for well-formed', async () => {
  const subject = await startSubject(seededRandom(1));
  const { broker, control, captures } = subject;
  const request = { clientSoftwareName: 'good', clientSoftwareVersion: '1' };
  const { apiKeys } = await control.call(apiVersionsApi, 3, request);
  const captured = new Set(captures.map(({ apiKey }) => apiKey));
  assert.deepEqual(
    apiKeys.filter(({ apiKey }) => !captured.has(apiKey)),
    [],
  );
  for (const { name, apiKey, version, bytes } of captures) {
    const answered = apiKeys.find((one) => one.apiKey === apiKey);
    if (answered === undefined || version < answered.minVersion || version > answered.maxVersion) continue;
    await send(subject, bytes, []);
    assert.equal(broker.metrics.rejectionTotals.get('malformed-request'), undefined, name);
  }
  assert.deepEqual(subject.logger.defects, []);
  control.close();
  await broker.close();
});
