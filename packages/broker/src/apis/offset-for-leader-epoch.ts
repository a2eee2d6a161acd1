// OffsetForLeaderEpoch: where a leader epoch ended. A consumer asks after the leader has changed, here after the broker was
// killed; an end below its position tells it that records it has read are gone (KIP-320).
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  offsetForLeaderEpochApi,
  type OffsetForLeaderEpochEpochEndOffset,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
  type OffsetForLeaderPartition,
} from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';
import { leaderEpochProblem, isNotLed, ledPartition } from '../topics/led-partition.ts';

export const offsetForLeaderEpoch = handler({ api: offsetForLeaderEpochApi, handle, failed });

type Request = ApiRequest<OffsetForLeaderEpochRequest>;
type Answer = OffsetForLeaderEpochEpochEndOffset;

function handle(services: Services, { body, nodeId }: Request): OffsetForLeaderEpochResponse {
  const topics = body.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map((partition) => answer(services, nodeId, topic, partition)),
  }));
  return { topics };
}

function answer(
  services: Services,
  nodeId: number,
  topic: string,
  { partition, currentLeaderEpoch, leaderEpoch }: Read<OffsetForLeaderPartition>,
): Answer {
  const log = ledPartition(services, nodeId, topic, partition);
  if (isNotLed(log)) return { partition, errorCode: log };
  const errorCode = leaderEpochProblem(log, currentLeaderEpoch);
  const end = errorCode === 'NONE' ? log.endOfEpoch(leaderEpoch) : undefined;
  return end === undefined
    ? { partition, errorCode }
    : { partition, errorCode, leaderEpoch: end.epoch, endOffset: end.endOffset };
}

function failed({ body }: Request, errorCode: KafkaErrorName): OffsetForLeaderEpochResponse {
  const topics = body.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({ partition, errorCode })),
  }));
  return { topics };
}
