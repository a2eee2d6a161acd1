// ListOffsets: the offset that a time, or one of Kafka's special timestamps, stands for.
//
//   timestamp   since   the offset
//          ≥ 0      1   of the first record that is not older
//           -1      1   behind the last record that a consumer can read
//           -2      1   of the first record kept
//           -3      7   of the first record with the largest timestamp (KIP-734)
//           -4      8   of the first record kept on this machine: the same as -2 without tiered storage (KIP-405)
//           -5      9   of the last record in tiered storage: none (KIP-1005)
//           -6     11   of the first record not yet in tiered storage: none (KIP-1023)
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  listOffsetsApi,
  type ListOffsetsPartition,
  type ListOffsetsPartitionResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
} from '@throughline/wire/apis';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { Services } from './services.ts';
import { kafkaErrorOf } from '../ground/error-codes.ts';
import { handler, type ApiRequest } from './handler.ts';
import { leaderEpochProblem, isNotLed, ledPartition } from '../topics/led-partition.ts';

export const listOffsets = handler({ api: listOffsetsApi, handle, failed });

type Request = ApiRequest<ListOffsetsRequest>;
type Answer = ListOffsetsPartitionResponse;

const latest = -1n;
const earliest = -2n;
const largestTimestamp = -3n;
const earliestLocal = -4n;
const latestTiered = -5n;
const earliestPendingUpload = -6n;

/** The version from which on a client may ask for each. */
const versionMinOf: ReadonlyMap<bigint, number> = new Map([
  [latest, 1],
  [earliest, 1],
  [largestTimestamp, 7],
  [earliestLocal, 8],
  [latestTiered, 9],
  [earliestPendingUpload, 11],
]);

async function handle(services: Services, request: Request): Promise<ListOffsetsResponse> {
  // A partition that is asked for twice is rejected, once (Kafka's duplicatePartitions).
  const asked = new Map<string, Map<number, Read<ListOffsetsPartition> | undefined>>();
  for (const { name, partitions } of request.body.topics) {
    const ofTopic = asked.get(name) ?? new Map<number, Read<ListOffsetsPartition> | undefined>();
    asked.set(name, ofTopic);
    for (const partition of partitions) {
      const { partitionIndex } = partition;
      ofTopic.set(partitionIndex, ofTopic.has(partitionIndex) ? undefined : partition);
    }
  }
  const topics: { name: string; partitions: Answer[] }[] = [];
  for (const [name, ofTopic] of asked) {
    const partitions: Answer[] = [];
    for (const [index, partition] of ofTopic) {
      const isDuplicate = partition === undefined;
      partitions.push(
        isDuplicate ? nothing(index, 'INVALID_REQUEST') : await answer(services, request, name, partition),
      );
    }
    topics.push({ name, partitions });
  }
  return { topics };
}

async function answer(
  services: Services,
  { version, nodeId }: Request,
  topic: string,
  { partitionIndex, timestamp, currentLeaderEpoch }: Read<ListOffsetsPartition>,
): Promise<Answer> {
  if (timestamp < 0n && version < (versionMinOf.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return nothing(partitionIndex, 'UNSUPPORTED_VERSION');
  }
  const log = ledPartition(services, nodeId, topic, partitionIndex);
  if (isNotLed(log)) return nothing(partitionIndex, log);
  const epochProblem = leaderEpochProblem(log, currentLeaderEpoch);
  if (epochProblem !== 'NONE') return nothing(partitionIndex, epochProblem);
  try {
    return { ...nothing(partitionIndex, 'NONE'), ...(await find(log, timestamp)) };
  } catch (error) {
    services.logger.warn({ topic, partition: partitionIndex, timestamp, error }, 'an offset could not be looked up');
    return nothing(partitionIndex, kafkaErrorOf(error));
  }
}

/** What stands at `timestamp`; an empty object where there is nothing. */
async function find(log: PartitionLog, timestamp: bigint): Promise<Partial<Answer>> {
  switch (timestamp) {
    case latest:
      return { offset: log.highWatermark, leaderEpoch: log.leaderEpoch };
    case earliest:
    case earliestLocal:
      return { offset: log.logStartOffset, leaderEpoch: log.epochAt(log.logStartOffset) };
    case latestTiered:
    case earliestPendingUpload:
      return {};
    default: {
      const found =
        timestamp === largestTimestamp ? await log.maxTimestampOffset() : await log.recordAtTime(Number(timestamp));
      if (found === undefined) return {};
      const { offset, timestampMs, leaderEpoch } = found;
      return { offset, timestamp: BigInt(timestampMs), leaderEpoch };
    }
  }
}

function nothing(partitionIndex: number, errorCode: KafkaErrorName): Answer {
  return { partitionIndex, errorCode, timestamp: -1n, offset: -1n, leaderEpoch: -1 };
}

function failed({ body }: Request, errorCode: KafkaErrorName): ListOffsetsResponse {
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => nothing(partitionIndex, errorCode)),
  }));
  return { topics };
}
