// DeleteRecords: the start of a partition moves up to an offset, durably, before it is answered (KIP-107).
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  deleteRecordsApi,
  type DeleteRecordsPartition,
  type DeleteRecordsPartitionResult,
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
} from '@throughline/wire/apis';
import { listItems } from '../metadata/config-definition.ts';
import { topicConfigTable } from '../metadata/topic-config-table.ts';
import { followedValue } from '../metadata/topic-configs.ts';
import type { Services } from './services.ts';
import { isInternalTopic } from '../ground/topic-name.ts';
import { kafkaErrorOf } from '../ground/error-codes.ts';
import { handler, type ApiRequest } from './handler.ts';
import { isNotLed, ledPartition } from '../topics/led-partition.ts';

export const deleteRecords = handler({ api: deleteRecordsApi, handle, failed });

type Request = ApiRequest<DeleteRecordsRequest>;

/** Stands for the high watermark. */
const all = -1n;

async function handle(services: Services, { body, nodeId }: Request): Promise<DeleteRecordsResponse> {
  const topics = await Promise.all(
    body.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map((partition) => answer(services, nodeId, name, partition))),
    })),
  );
  return { topics };
}

async function answer(
  services: Services,
  nodeId: number,
  topic: string,
  { partitionIndex, offset }: Read<DeleteRecordsPartition>,
): Promise<DeleteRecordsPartitionResult> {
  const log = ledPartition(services, nodeId, topic, partitionIndex);
  if (log === 'UNKNOWN_TOPIC_OR_PARTITION') return rejected(partitionIndex, log);
  if (isInternalTopic(topic)) return rejected(partitionIndex, 'INVALID_TOPIC_EXCEPTION');
  if (isNotLed(log)) return rejected(partitionIndex, log);
  if (keepsAll(services, topic)) return rejected(partitionIndex, 'POLICY_VIOLATION');
  try {
    const lowWatermark = await log.deleteRecords(offset === all ? log.highWatermark : offset);
    return { partitionIndex, lowWatermark, errorCode: 'NONE' };
  } catch (error) {
    const errorCode = kafkaErrorOf(error);
    const isExpected = errorCode === 'OFFSET_OUT_OF_RANGE';
    if (!isExpected) services.logger.warn({ topic, partition: partitionIndex, error }, 'records could not be deleted');
    return rejected(partitionIndex, errorCode);
  }
}

/** A protected topic keeps what is in it, and one that is compacted and nothing else the last record of each key, whoever asks. */
function keepsAll({ broker }: Services, topic: string): boolean {
  if (broker.protectedTopics.has(topic)) return true;
  const definition = topicConfigTable.get('cleanup.policy')!;
  const own = broker.topic(topic).overrides.get(definition.name);
  const policy = listItems(own ?? followedValue(definition, broker.configs).value);
  return policy.includes('compact') && !policy.includes('delete');
}

function rejected(partitionIndex: number, errorCode: KafkaErrorName): DeleteRecordsPartitionResult {
  return { partitionIndex, lowWatermark: -1n, errorCode };
}

function failed({ body }: Request, errorCode: KafkaErrorName): DeleteRecordsResponse {
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => rejected(partitionIndex, errorCode)),
  }));
  return { topics };
}
