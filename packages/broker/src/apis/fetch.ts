// Fetch: batches from each partition that the consumer reads, as they stand in the log. When there are fewer bytes than the
// consumer wants, the request waits for more, for as long as it says (max_wait_ms).
//
//   fetch-context.ts     which partitions are read, and which of them are answered: sessions (KIP-227)
//   read-partitions.ts   reading within the bounds (KIP-74), leader epochs (KIP-320)
//   long-poll.ts         waiting
//   growing-bytes.ts     whether there is enough by now
//   response-memory.ts   the bound of all answers together
//
// Batches go by reference from the log into the response. There are no replicas, so followers' requests are rejected as
// Kafka rejects those of a broker that it does not replicate to.
import type { KafkaErrorName } from '@throughline/wire';
import {
  fetchApi,
  type FetchableTopicResponse,
  type FetchRequest,
  type FetchResponse,
  type PartitionData,
} from '@throughline/wire/apis';
import { fetchResponseBytesMax } from '../defaults.ts';
import { fetchContext } from './fetch-context.ts';
import type { FetchResult, FetchTarget } from '../fetch/fetch-target.ts';
import { GrowingBytes } from '../fetch/growing-bytes.ts';
import { LongPoll } from '../fetch/long-poll.ts';
import { readPartitions, unreadable, type Reading, type ReadOptions } from '../fetch/read-partitions.ts';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';
import { endpointsOf, isNotLed, ledPartition } from '../topics/led-partition.ts';

export const fetch = handler({ api: fetchApi, handle, failed });

const readCommitted = 1;

type Request = ApiRequest<FetchRequest>;

async function handle(services: Services, request: Request): Promise<FetchResponse | undefined> {
  const context = fetchContext(services, request);
  const targets: FetchTarget[] = [];
  const unknown: FetchResult[] = [];
  for (const target of context.targets) {
    const errorCode = problemOf(services, target);
    if (errorCode === 'NONE') targets.push(target);
    else unknown.push({ target, partition: unknownPartition(target.partition, errorCode) });
  }
  const results = targets.length === 0 ? [] : await readOrWait(services, request, targets);
  if (results === undefined) return undefined;
  const answer = context.answer([...results, ...unknown]);
  return {
    errorCode: answer.errorCode,
    sessionId: answer.sessionId,
    responses: topicsOf(answer.results),
    nodeEndpoints: endpointsOf(
      services,
      answer.results.map(({ partition }) => partition.currentLeader),
    ),
  };
}

/** What is answered of a partition that nobody has looked at: Kafka's default, an empty list, for aborted transactions. */
function unknownPartition(partition: number, errorCode: KafkaErrorName): PartitionData {
  return { ...unreadable(partition, errorCode), abortedTransactions: [] };
}

/** What is wrong with a target before it is read. Unlike an error of reading, this does not keep the others from waiting. */
function problemOf({ broker }: Services, { topic, partition }: FetchTarget): KafkaErrorName {
  if (topic === undefined) return 'UNKNOWN_TOPIC_ID';
  const metadata = broker.findTopic(topic);
  if (metadata === undefined || partition < 0 || partition >= metadata.partitionCount) {
    return 'UNKNOWN_TOPIC_OR_PARTITION';
  }
  return 'NONE';
}

/** Undefined when whoever asked has gone. */
async function readOrWait(
  services: Services,
  { version, body, nodeId, signal, onSent }: Request,
  targets: readonly FetchTarget[],
): Promise<readonly FetchResult[] | undefined> {
  const bytesMax = Math.min(body.maxBytes, fetchResponseBytesMax, services.broker.configs.integer('fetch.max.bytes'));
  const bytesMin = Math.min(body.minBytes, bytesMax);
  const options: ReadOptions = {
    version,
    nodeId,
    bytesMax,
    isReadCommitted: body.isolationLevel === readCommitted,
    isFromFollower: body.replicaId >= 0 || body.replicaState.replicaId >= 0,
  };
  const answered = (reading: Reading): readonly FetchResult[] => {
    onSent(reading.release);
    return reading.results;
  };
  const first = await readPartitions(services, options, targets);
  if (body.maxWaitMs <= 0 || first.isUrgent || first.recordBytes >= bytesMin) return answered(first);
  const growing = new GrowingBytes(services, options, first.results);
  first.release();
  const logs = targets.map(({ topic = '', partition }) => {
    const log = ledPartition(services, nodeId, topic, partition);
    return isNotLed(log) ? undefined : log;
  });
  const poll = new LongPoll(logs, services.clock, body.maxWaitMs, signal);
  try {
    // Something may have come while the first was read.
    let places: Iterable<number> = targets.keys();
    for (;;) {
      for (const place of places) {
        const counting = growing.count(place, bytesMin);
        // Most have nothing new.
        if (counting !== undefined) await counting;
      }
      const isEnough = growing.isUrgent || growing.bytes >= bytesMin;
      const wakened = isEnough ? 'enough' : await poll.next();
      if (wakened === 'gone') return undefined;
      if (wakened !== 'advanced') return answered(await readPartitions(services, options, targets));
      places = poll.takeAdvanced();
    }
  } finally {
    poll.end();
  }
}

/** Partitions of a topic that come one after the other are put together. */
function topicsOf(results: readonly FetchResult[]): FetchableTopicResponse[] {
  const topics: { topic: string; topicId: string; partitions: PartitionData[] }[] = [];
  for (const { target, partition } of results) {
    const { topic = '', topicId } = target;
    const last = topics.at(-1);
    if (last !== undefined && last.topic === topic && last.topicId === topicId) last.partitions.push(partition);
    else topics.push({ topic, topicId, partitions: [partition] });
  }
  return topics;
}

/** Clients before version 7 see no error but those of partitions; from 13 on they look at the one of the whole first. */
function failed({ version, body }: Request, errorCode: KafkaErrorName): FetchResponse {
  const topics = version < 13 ? body.topics : [];
  const responses = topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => unknownPartition(partition, errorCode)),
  }));
  return { errorCode, sessionId: body.sessionId, responses };
}
