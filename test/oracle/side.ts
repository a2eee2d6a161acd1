// One of the two brokers of the oracle test. A script runs against each of them on its own, with the ids that this broker
// hands out, and what it was answered is written down step by step.
import { setTimeout as wait } from 'node:timers/promises';
import {
  decodeResponse,
  encodeRecordBatch,
  encodeResponse,
  zeroUuid as noId,
  type Api,
  type Read,
} from '@throughline/wire';
import {
  createTopicsApi,
  deleteTopicsApi,
  findCoordinatorApi,
  listOffsetsApi,
  metadataApi,
  offsetFetchApi,
  produceApi,
  type CreatableTopic,
} from '@throughline/wire/apis';
import { assert, utf8 } from '@throughline/event';
import { connectKafka, type KafkaClient } from '../support/kafka-client.ts';

/** A request and its answer. */
export interface Step {
  readonly script: string;
  readonly api: string;
  readonly version: number;
  /** Says which of the requests of a script this is. */
  readonly what: string;
  /** What the broker answered; `closed` for a connection that it ended, `silent` for no answer at all. */
  readonly answer: unknown;
}

/** How long an answer is waited for, in milliseconds: far beyond what any step takes. */
const answerMs = 10_000;
/** How long a change may take to be seen, in milliseconds: Kafka's broker follows its controller. */
const settleMs = 20_000;

export class Side {
  readonly name: 'ours' | 'kafka';
  readonly steps: Step[] = [];
  /** The ids of topics by name, as far as scripts have made them. */
  readonly topicIds = new Map<string, string>();
  readonly #address: string;
  readonly #clients = new Map<string, KafkaClient>();
  #script = '';

  constructor(name: 'ours' | 'kafka', address: string) {
    this.name = name;
    this.#address = address;
  }

  /** What follows belongs to this script. */
  begin(script: string): void {
    this.#script = script;
  }

  /** Sends a request and writes down its answer. `as` names one of several clients. */
  async call<Request, Response>(
    what: string,
    api: Api<Request, Response>,
    version: number,
    body: NoInfer<Request>,
    as = 'main',
  ): Promise<Read<Response> | undefined> {
    const step = { script: this.#script, api: api.name, version, what, answer: undefined as unknown };
    // In the order of the requests, whichever is answered first.
    this.steps.push(step);
    const answer = await this.#ask(api, version, body, as);
    step.answer = answer;
    return typeof answer === 'string' ? undefined : answer;
  }

  /** Writes down an answer of which only a part is to be compared. */
  note(what: string, api: Api, version: number, answer: unknown): void {
    this.steps.push({ script: this.#script, api: api.name, version, what, answer });
  }

  /** Sends a request whose answer is not compared: to prepare something. */
  async ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: NoInfer<Request>,
  ): Promise<Read<Response>> {
    const answer = await this.#ask(api, version, body, 'setup');
    if (typeof answer === 'string') throw new Error(`${this.name}: ${api.name} v${version} in preparation: ${answer}`);
    return answer;
  }

  async #ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    body: Request,
    as: string,
  ): Promise<Read<Response> | 'closed' | 'silent'> {
    const client = await this.client(as);
    const timeOut = new AbortController();
    const silence = wait(answerMs, 'silent' as const, { signal: timeOut.signal });
    silence.catch(() => {});
    const answer = exactCall(client, api, version, body).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('closed the connection')) return 'closed' as const;
      throw error;
    });
    const first = await Promise.race([answer, silence]);
    timeOut.abort();
    if (typeof first === 'string') await this.disconnect(as);
    return first;
  }

  async client(as = 'main'): Promise<KafkaClient> {
    const known = this.#clients.get(as);
    if (known !== undefined) return known;
    const client = await connectKafka(this.#address, { clientId: `oracle-${as}` });
    this.#clients.set(as, client);
    return client;
  }

  async disconnect(as: string): Promise<void> {
    await this.#clients.get(as)?.close();
    this.#clients.delete(as);
  }

  async close(): Promise<void> {
    for (const as of this.#clients.keys()) await this.disconnect(as);
  }

  /** Makes a topic and waits until it is served. */
  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic: CreatableTopic = {
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
    };
    await this.ask(createTopicsApi, 7, { topics: [topic], timeoutMs: 30_000 });
    return this.served(name, partitions);
  }

  /** Waits until all partitions of a topic have a leader; returns its id. */
  async served(name: string, partitions = 1): Promise<string> {
    const topicId = await this.until(`${name} to be served`, async () => {
      const { topics } = await this.ask(metadataApi, 12, {
        topics: [{ name, topicId: noId }],
        allowAutoTopicCreation: false,
      });
      const [topic] = topics;
      const isServed =
        topic?.errorCode === 'NONE' &&
        topic.partitions.length >= partitions &&
        topic.partitions.every(({ errorCode, leaderId }) => errorCode === 'NONE' && leaderId >= 0);
      return isServed ? topic.topicId : undefined;
    });
    // A node may know of a leader before it leads.
    await this.until(`${name} to be led`, async () => {
      const asked = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }));
      const { topics } = await this.ask(listOffsetsApi, 7, { replicaId: -1, topics: [{ name, partitions: asked }] });
      return topics[0]?.partitions.every(({ errorCode }) => errorCode === 'NONE') ? true : undefined;
    });
    this.topicIds.set(name, topicId);
    return topicId;
  }

  /** Removes a topic and waits until it is gone. */
  async deleteTopic(name: string): Promise<void> {
    await this.ask(deleteTopicsApi, 5, { topicNames: [name], timeoutMs: 30_000 });
    await this.gone(name);
  }

  async gone(name: string): Promise<void> {
    await this.until(`${name} to be gone`, async () => {
      const { topics } = await this.ask(metadataApi, 8, { topics: [{ name }], allowAutoTopicCreation: false });
      return topics[0]?.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION' ? true : undefined;
    });
  }

  /** Appends records of a text each, with the timestamps given. */
  async produce(
    name: string,
    texts: readonly string[],
    { partition = 0, timestampMs = Date.now() } = {},
  ): Promise<void> {
    const records = encodeRecordBatch(
      texts.map((text) => ({ key: null, value: utf8(text), timestampMs })),
      { nowMs: timestampMs },
    );
    const topicData = [{ name, topicId: noId, partitionData: [{ index: partition, records }] }];
    const { responses } = await this.ask(produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData });
    const code = responses[0]?.partitionResponses[0]?.errorCode;
    if (code !== 'NONE') throw new Error(`${this.name}: a record could not be appended to ${name}: ${code}`);
  }

  /** Waits until groups are coordinated. */
  async coordinated(groupId: string): Promise<void> {
    await this.until(`group ${groupId} to be coordinated`, async () => {
      const { coordinators } = await this.ask(findCoordinatorApi, 4, {
        key: '',
        keyType: 0,
        coordinatorKeys: [groupId],
      });
      if (coordinators[0]?.errorCode !== 'NONE') return undefined;
      const groups = [{ groupId, topics: null }];
      const fetched = await this.ask(offsetFetchApi, 8, { groupId: '', topics: null, groups });
      return fetched.groups[0]?.errorCode === 'NONE' ? true : undefined;
    });
  }

  /** Asks again and again until there is something. */
  async until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
    const giveUp = Date.now() + settleMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > giveUp) throw new Error(`${this.name}: waited in vain for ${what}`);
      await wait(20);
    }
  }
}

/** A request and its answer, whose bytes are exactly those that our tables write for it: nothing was left over or passed by. */
async function exactCall<Request, Response>(
  client: KafkaClient,
  api: Api<Request, Response>,
  version: number,
  body: Request,
): Promise<Read<Response>> {
  const correlationId = client.send(api, version, body);
  const frame = await client.nextFrame();
  const decoded = decodeResponse<Response>(api, version, frame);
  assert(decoded.correlationId === correlationId, 'answers come in the order of the requests');
  const written = encodeResponse(api, { apiVersion: version, correlationId }, decoded.body as Response);
  const isExact = Buffer.concat(written).subarray(4).equals(frame);
  assert(isExact, `the answer of ${api.name} ${version} is written as it was read`);
  return decoded.body;
}
