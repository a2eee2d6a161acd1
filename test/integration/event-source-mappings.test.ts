// Event source mappings as their users meet them: a real server with its log, functions in processes, records from a Kafka client,
// AWS's client for the API, and Powertools' schemas as judges of the events.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { KafkaSelfManagedEventSchema } from '@aws-lambda-powertools/parser/schemas/kafka';
import { KinesisDataStreamSchema } from '@aws-lambda-powertools/parser/schemas/kinesis';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
} from '@aws-sdk/client-lambda';
import { fromUtf8, utf8 } from '@throughline/event';
import { kafka, type Log } from '@throughline/log';
import { throughline } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from './functions-harness.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-mappings-'));
const file = path.join(folder, 'invocations');
let server: TestServer;
let log: Log;
let client: LambdaClient;

async function connect(): Promise<void> {
  const { kafka: address } = JSON.parse(readFileSync(path.join(server.dataDir, 'server.json'), 'utf8')) as {
    kafka: string;
  };
  log = await kafka({ bootstrap: `kafka://${address}` });
}

before(async () => {
  const app = path.join(import.meta.dirname, '../support/mapped');
  server = await startServer({ app, environment: { INVOCATIONS_FILE: file } });
  await connect();
  client = new LambdaClient({
    endpoint: server.url,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  });
});
after(async () => {
  client.destroy();
  await log.close();
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Invoked {
  readonly functionName: string;
  readonly event: unknown;
}

function invocations(): readonly Invoked[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Invoked);
}

const produce = (topic: string, values: readonly string[]) =>
  log.append(
    topic,
    values.map((value) => ({ key: utf8('k'), value: utf8(value), headers: [{ key: 'h', value: utf8('1') }] })),
  );

/** What of Kafka's shape `functionName` has been called with, in order. */
function kafkaValues(functionName: string): readonly string[] {
  return invocations().flatMap(({ functionName: called, event }) => {
    const parsed = KafkaSelfManagedEventSchema.safeParse(event);
    if (!parsed.success || called !== functionName) return [];
    return Object.values(parsed.data.records).flatMap((records) => records.map(({ value }) => value));
  });
}

describe('mappings of the configuration', () => {
  test('a record calls the function with an event of Kafka, and one that fails becomes a dead letter', async () => {
    await log.admin.createTopic('jobs', { partitions: 2 });
    await produce('jobs', ['one', 'bad', 'two']);
    const group = 'throughline-trigger-worker-kafka-jobs';
    await until(
      async () => (await log.admin.committedOffsets(group)).some(({ offset }) => offset === 3n),
      'the group has committed all three',
    );
    const events = invocations().map(({ event }) => KafkaSelfManagedEventSchema.parse(event));
    const [record] = Object.values(events[0]!.records)[0]!;
    assert.deepEqual([record!.topic, record!.key, record!.headers], ['jobs', 'k', [{ h: '1' }]]);
    assert.match(events[0]!.bootstrapServers?.[0] ?? '', /^127\.0\.0\.1:\d+$/);
    assert.equal(kafkaValues('worker').filter((value) => value === 'bad').length, 3);
    assert.equal(kafkaValues('worker').at(-1), 'two');
    const stop = new AbortController();
    for await (const { records } of log.tail({ topic: 'jobs.dead', from: 'earliest', signal: stop.signal })) {
      assert.deepEqual(
        records.map(({ value }) => fromUtf8(value ?? new Uint8Array())),
        ['bad'],
      );
      stop.abort();
    }
  });

  test('a stream calls it with an event of Kinesis, and the bad record is found by halves', async () => {
    await log.admin.createTopic('clicks', { partitions: 1 });
    await produce('clicks', ['a', 'b', 'bad', 'c']);
    const batches = () =>
      invocations().flatMap(({ event }) => {
        const parsed = KinesisDataStreamSchema.safeParse(event);
        return parsed.success ? [parsed.data.Records] : [];
      });
    const dataOf = (record: { readonly kinesis: { readonly data: unknown } }): string => String(record.kinesis.data);
    await until(
      () => batches().some((records) => records.length === 1 && dataOf(records[0]!) === 'c'),
      'c is handed on',
    );
    const alone = batches().filter((records) => records.length === 1 && dataOf(records[0]!) === 'bad');
    assert.equal(alone.length, 2);
    const numbers = batches().flatMap((records) => records.map(({ kinesis }) => kinesis.sequenceNumber));
    assert.equal(new Set(numbers).size, 4);
    assert.deepEqual([...new Set(numbers)].toSorted(), [...new Set(numbers)]);
  });

  test('throughline status says what each of them waits for', async () => {
    const status = await throughline(['status', '--data-dir', server.dataDir]);
    assert.match(status.stdout, /^kafka +jobs +worker +ok$/m);
  });

  test("AWS's API lists them, and leaves them to the configuration", async () => {
    const { EventSourceMappings: all = [] } = await client.send(
      new ListEventSourceMappingsCommand({ FunctionName: 'worker' }),
    );
    const [jobs, clicks] = [
      all.find(({ Topics }) => Topics?.[0] === 'jobs'),
      all.find(({ EventSourceArn }) => EventSourceArn?.endsWith('stream/clicks')),
    ];
    assert.deepEqual([jobs?.State, jobs?.MaximumRetryAttempts, clicks?.State], ['Enabled', 2, 'Enabled']);
    assert.deepEqual(jobs?.FunctionResponseTypes, ['ReportBatchItemFailures']);
    const UUID = jobs?.UUID;
    const isRejected = (error: Error): boolean =>
      error.name === 'InvalidParameterValueException' && /is in throughline\.config\.ts/.test(error.message);
    await assert.rejects(client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 1 })), isRejected);
    await assert.rejects(client.send(new DeleteEventSourceMappingCommand({ UUID })), isRejected);
  });
});

describe("mappings that AWS's API has made", () => {
  const create = (input: Partial<CreateEventSourceMappingCommandInput>) =>
    client.send(
      new CreateEventSourceMappingCommand({
        FunctionName: 'other',
        Topics: ['made'],
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['127.0.0.1:9092'] } },
        StartingPosition: 'TRIM_HORIZON',
        MaximumBatchingWindowInSeconds: 0,
        ...input,
      }),
    );
  const stateOf = async (UUID: string) => (await client.send(new GetEventSourceMappingCommand({ UUID }))).State;
  const rejected = async (action: Promise<unknown>, name: string, says: RegExp): Promise<void> => {
    await assert.rejects(action, (error: Error) => {
      assert.deepEqual([error.name, says.test(error.message)], [name, true], error.message);
      return true;
    });
  };

  test('one is made, works, is changed, survives a kill of the server, is disabled, and goes', async () => {
    await log.admin.createTopic('made', { partitions: 1 });
    const made = await create({ BatchSize: 7, DestinationConfig: { OnFailure: { Destination: 'kafka://made.dead' } } });
    const UUID = made.UUID!;
    assert.deepEqual([made.State, made.BatchSize, made.Topics], ['Creating', 7, ['made']]);
    assert.match(made.FunctionArn ?? '', /:function:other$/);
    assert.ok(made.LastModified instanceof Date);
    await produce('made', ['m0']);
    await until(() => kafkaValues('other').includes('m0'), 'its function is called');
    await rejected(create({}), 'ResourceConflictException', new RegExp(UUID));

    const changed = await client.send(
      new UpdateEventSourceMappingCommand({ UUID, BatchSize: 2, DestinationConfig: { OnFailure: {} } }),
    );
    assert.deepEqual([changed.State, changed.BatchSize, changed.DestinationConfig], ['Updating', 2, {}]);
    await until(async () => (await stateOf(UUID)) === 'Enabled', 'it is enabled again');

    await log.close();
    await server.kill9();
    await server.start();
    await connect();
    assert.equal(await stateOf(UUID), 'Enabled');
    await produce('made', ['m1']);
    await until(() => kafkaValues('other').includes('m1'), 'its function is called after the restart');

    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await until(async () => (await stateOf(UUID)) === 'Disabled', 'it is disabled');
    await produce('made', ['m2']);
    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
    await until(() => kafkaValues('other').includes('m2'), 'what came meanwhile is handed on');

    const gone = await client.send(new DeleteEventSourceMappingCommand({ UUID }));
    assert.equal(gone.State, 'Deleting');
    const isGone = () =>
      stateOf(UUID).then(
        () => false,
        (error: Error) => error.name === 'ResourceNotFoundException',
      );
    await until(isGone, 'it is gone');
  });

  test('lists go page by page, and by function and source', async () => {
    const topics = ['p1', 'p2', 'p3'];
    const made = await Promise.all(topics.map((topic) => create({ Topics: [topic], Enabled: false })));
    const stream = await create({
      Topics: undefined,
      SelfManagedEventSource: undefined,
      EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/p1',
      StartingPosition: 'LATEST',
      Enabled: false,
    });
    const found: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await client.send(
        new ListEventSourceMappingsCommand({ FunctionName: 'other', MaxItems: 2, Marker }),
      );
      found.push(...(page.EventSourceMappings ?? []).map(({ UUID }) => UUID!));
      Marker = page.NextMarker;
    } while (Marker !== undefined);
    assert.deepEqual(found.toSorted(), [...made, stream].map(({ UUID }) => UUID!).toSorted());
    const { EventSourceMappings: ofStream } = await client.send(
      new ListEventSourceMappingsCommand({ EventSourceArn: stream.EventSourceArn }),
    );
    assert.deepEqual(
      ofStream?.map(({ UUID, State }) => [UUID, State]),
      [[stream.UUID, 'Disabled']],
    );
  });

  test("what is wrong is said with AWS's errors", async () => {
    await rejected(create({ FunctionName: 'nobody' }), 'ResourceNotFoundException', /Function not found/);
    await rejected(create({ Topics: ['q'], BatchSize: 10_001 }), 'InvalidParameterValueException', /batchSize/);
    await rejected(create({ Topics: undefined }), 'InvalidParameterValueException', /Topics or EventSourceArn/);
    const same = { OnFailure: { Destination: 'kafka://q' } };
    await rejected(create({ Topics: ['q'], DestinationConfig: same }), 'InvalidParameterValueException', /onFailure/);
    const queue = { Topics: undefined, EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:mails' };
    await rejected(create(queue), 'ServiceException', /not there/);
    await rejected(stateOf('00000000-0000-4000-8000-000000000000'), 'ResourceNotFoundException', /does not exist/);
  });
});
