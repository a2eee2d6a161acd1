// Produce: a batch per partition is appended, and answered when it is kept at the durability of its topic. All batches of a
// request are handed to their partitions in one go, and the requests of a connection that follow begin meanwhile: so much
// goes out with one write and one sync as has come.
//
// The errors, and which of them bring a message, are those of Apache Kafka's KafkaApis and ReplicaManager. Acks of 1 and of
// -1 mean the same here, as there is no replica. With acks of 0 nobody waits for an answer: a rejection closes the connection,
// which is how such a client learns of it.
import { ThroughlineError } from '@throughline/event';
import { hasBaseOffset, zeroUuid, type KafkaErrorName, type Read } from '@throughline/wire';
import {
  produceApi,
  type PartitionProduceData,
  type PartitionProduceResponse,
  type ProduceRequest,
  type ProduceResponse,
  type TopicProduceData,
  type TopicProduceResponse,
} from '@throughline/wire/apis';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { AppendedBatch } from '../ground/appended-batch.ts';
import type { Services } from './services.ts';
import type { RecordError } from '../storage/record-bounds.ts';
import { isInternalTopic } from '../ground/topic-name.ts';
import { kafkaErrorOf } from '../ground/error-codes.ts';
import { handler, Unanswered, type ApiRequest } from './handler.ts';
import { currentLeader, endpointsOf, isNotLed, ledPartition } from '../topics/led-partition.ts';
import { isOfTransaction, producedBatch } from './produced-batch.ts';

export const produce = handler({
  api: produceApi,
  // librdkafka up to 2.12 takes a broker without version 0 for one of another age (KAFKA-18659).
  advertisedVersionMin: 0,
  isPipelined: true,
  handle,
  failed,
});

/** Kafka's own tools may write to the broker's own topics. */
const adminClientId = '__admin_client';

type Answer = { -readonly [Name in keyof PartitionProduceResponse]: PartitionProduceResponse[Name] };

function handle(
  services: Services,
  request: ApiRequest<ProduceRequest>,
): ProduceResponse | Promise<ProduceResponse | Unanswered | undefined> | Unanswered | undefined {
  const { acks, timeoutMs, topicData, transactionalId } = request.body;
  if (transactionalId === null && topicData.some(hasTransaction)) {
    return answered(services, request, failed(request, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED').responses);
  }
  const appends: Append[] = [];
  const responses = topicData.map((topic) => produceTopic(services, request, topic, appends));
  if (appends.length === 0) return answered(services, request, responses);
  return new Promise((resolve) => {
    const finish = (): void => {
      timer?.cancel();
      resolve(answered(services, request, responses));
    };
    // A time-out ends the waiting and not the append. Kafka has one for acks=all only.
    const timer = acks === -1 && timeoutMs > 0 ? services.clock.after(timeoutMs, finish) : undefined;
    let left = appends.length;
    for (const { log, answer, appended } of appends) {
      const settle = (errorCode: KafkaErrorName): void => {
        answer.errorCode = errorCode;
        if (--left === 0) finish();
      };
      appended.then(
        (batch) => settle(take(answer, batch)),
        (error: unknown) => settle(reject(services, log, answer, error)),
      );
    }
  });
}

/** A batch on its way, and what its partition is answered. */
interface Append {
  readonly log: PartitionLog;
  readonly answer: Answer;
  readonly appended: Promise<AppendedBatch>;
}

function hasTransaction({ partitionData }: Read<TopicProduceData>): boolean {
  return partitionData.some(({ records }) => isOfTransaction(records));
}

function produceTopic(
  services: Services,
  request: ApiRequest<ProduceRequest>,
  { name, topicId, partitionData }: Read<TopicProduceData>,
  appends: Append[],
): TopicProduceResponse {
  const byId = request.version >= 13;
  const topic = byId ? services.broker.findTopicById(topicId)?.topic : name;
  const partitionResponses = partitionData.map((partition) => {
    if (topic === undefined) return rejected(partition.index, 'UNKNOWN_TOPIC_ID');
    return producePartition(services, request, topic, partition, appends);
  });
  return { name, topicId: byId ? topicId : zeroUuid, partitionResponses };
}

function producePartition(
  services: Services,
  { version, body, clientId, nodeId }: ApiRequest<ProduceRequest>,
  topic: string,
  { index, records }: Read<PartitionProduceData>,
  appends: Append[],
): Answer {
  const log = ledPartition(services, nodeId, topic, index);
  if (log === 'UNKNOWN_TOPIC_OR_PARTITION') return rejected(index, log);
  const batch = producedBatch(version, records);
  if ('errorCode' in batch) return { ...rejected(index, batch.errorCode), ...batch };
  if (body.acks < -1 || body.acks > 1) return rejected(index, 'INVALID_REQUIRED_ACKS');
  if (isOfTransaction(batch)) {
    // What Kafka says of a partition that nobody has added to a transaction; nobody can before there are transactions.
    const errorMessage = 'Partition was not added to the transaction';
    return { ...rejected(index, 'INVALID_TXN_STATE'), errorMessage };
  }
  if (isInternalTopic(topic) && clientId !== adminClientId) return rejected(index, 'INVALID_TOPIC_EXCEPTION');
  if (isNotLed(log)) {
    return { ...rejected(index, log), currentLeader: currentLeader(services, topic, index) };
  }
  // Clients count from 0 in each batch; the broker gives it its place.
  if (hasBaseOffset(batch, 0)) {
    return { ...rejected(index, 'INVALID_RECORD'), logStartOffset: log.logStartOffset };
  }
  // Until it is settled, this is what a time-out answers.
  const answer = rejected(index, 'REQUEST_TIMED_OUT');
  appends.push({ log, answer, appended: log.append(batch) });
  return answer;
}

function take(answer: Answer, { baseOffset, logAppendTimeMs, logStartOffset }: AppendedBatch): KafkaErrorName {
  answer.baseOffset = baseOffset;
  answer.logAppendTimeMs = BigInt(logAppendTimeMs);
  answer.logStartOffset = logStartOffset;
  return 'NONE';
}

/** Says why a batch was not appended; of a batch whose records are to blame, which they are (KIP-467). */
function reject({ logger }: Services, log: PartitionLog, answer: Answer, error: unknown): KafkaErrorName {
  const errorCode = kafkaErrorOf(error);
  if (errorCode === 'UNKNOWN_SERVER_ERROR') {
    logger.error({ topic: log.topic, partition: log.partition, error }, 'an append met a defect');
  }
  // Kafka has one error for a full disk, which passes, and a partition that stays offline; our own adapter tells them apart.
  if (errorCode === 'KAFKA_STORAGE_ERROR') {
    const failure = ThroughlineError.from(error);
    answer.errorMessage = `${failure.code}: ${failure.message}`;
  }
  if (errorsWithoutStart.has(errorCode)) return errorCode;
  answer.logStartOffset = log.logStartOffset;
  const recordErrors = ThroughlineError.is(error) ? recordErrorsOf(error) : [];
  if (recordErrors.length === 0) return errorCode;
  answer.errorMessage = ThroughlineError.from(error).message;
  answer.recordErrors = recordErrors.map(({ index, message }) => ({
    batchIndex: index,
    batchIndexErrorMessage: message,
  }));
  return errorCode;
}

/** Kafka tells the log start offset with the other errors only. */
const errorsWithoutStart: ReadonlySet<KafkaErrorName> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_LEADER_OR_FOLLOWER',
  'MESSAGE_TOO_LARGE',
  'CORRUPT_MESSAGE',
  'KAFKA_STORAGE_ERROR',
]);

function recordErrorsOf({ details }: ThroughlineError): readonly RecordError[] {
  return (details as { readonly recordErrors?: readonly RecordError[] } | undefined)?.recordErrors ?? [];
}

function rejected(index: number, errorCode: KafkaErrorName): Answer {
  return { index, errorCode, baseOffset: -1n };
}

function answered(
  services: Services,
  { version, body }: ApiRequest<ProduceRequest>,
  responses: readonly TopicProduceResponse[],
): ProduceResponse | Unanswered | undefined {
  if (body.acks === 0) {
    const rejection = firstRejection(responses);
    return rejection === undefined ? undefined : new Unanswered({ ...rejection, acks: 0 });
  }
  if (version < 10) return { responses };
  const nodeEndpoints = endpointsOf(
    services,
    responses.flatMap(({ partitionResponses }) => partitionResponses.map((partition) => partition.currentLeader)),
  );
  return { responses, nodeEndpoints };
}

function firstRejection(responses: readonly TopicProduceResponse[]): Record<string, unknown> | undefined {
  for (const { name, topicId, partitionResponses } of responses) {
    for (const { index, errorCode } of partitionResponses) {
      if (errorCode === 'NONE') continue;
      return { topic: name === '' ? topicId : name, partition: index, error: errorCode };
    }
  }
  return undefined;
}

function failed({ body }: ApiRequest<ProduceRequest>, errorCode: KafkaErrorName): ProduceResponse {
  const responses = body.topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => rejected(index, errorCode)),
  }));
  return { responses };
}
