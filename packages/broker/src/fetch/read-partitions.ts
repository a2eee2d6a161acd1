// Reading for Fetch: partition after partition, within the bounds of the request, of each partition and of the memory for answers.
// The first batch found is given whatever its size, or a consumer with small bounds would stand still for ever (KIP-74).
import { ThroughlineError, type Logger } from '@throughline/event';
import { noBytes, zeroUuid, type KafkaErrorName } from '@throughline/wire';
import type { PartitionData } from '@throughline/wire/apis';
import { kafkaErrorOf } from '../ground/error-codes.ts';
import { currentLeader, isNotLed, leaderEpochProblem, ledPartition, type Leadership } from '../topics/led-partition.ts';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { FetchResult, FetchTarget } from './fetch-target.ts';
import type { ResponseMemory } from './response-memory.ts';

/** What reading works with; everybody who fetches shares it. */
export interface FetchServices extends Leadership {
  readonly responseMemory: ResponseMemory;
  readonly logger: Logger;
}

export interface ReadOptions {
  readonly version: number;
  readonly nodeId: number;
  readonly bytesMax: number;
  /** The consumer wants what is committed only, and is told which transactions were aborted: none. */
  readonly isReadCommitted: boolean;
  /** No broker replicates from this one. */
  readonly isFromFollower: boolean;
}

export interface Reading {
  readonly results: readonly FetchResult[];
  readonly recordBytes: number;
  /** Something is to be said at once: an error, or an epoch that diverged. */
  readonly isUrgent: boolean;
  /** Gives back the memory of the records: they have been sent, or will not be. */
  readonly release: () => void;
}

/** Batches that were read, and the log that they are to be given back to. */
interface Taken {
  readonly log: PartitionLog;
  readonly batches: Uint8Array;
}

interface Budget {
  readonly bytesMax: number;
  /** A first batch that is larger is given all the same. */
  readonly mayExceed: boolean;
}

/** Reads from each target in turn; what cannot be read gets its error. */
export async function readPartitions(
  services: FetchServices,
  options: ReadOptions,
  targets: readonly FetchTarget[],
): Promise<Reading> {
  const results: FetchResult[] = [];
  const taken: Taken[] = [];
  let recordBytes = 0;
  let isUrgent = false;
  for (const target of targets) {
    const bytesMax = Math.max(0, Math.min(target.bytesMax, options.bytesMax - recordBytes));
    const read = readPartition(services, options, target, { bytesMax, mayExceed: recordBytes === 0 }, taken);
    // Most have nothing new and are answered on the spot.
    const partition = read instanceof Promise ? await read : read;
    recordBytes += partition.records?.length ?? 0;
    if (partition.errorCode !== 'NONE' || partition.divergingEpoch !== undefined) isUrgent = true;
    results.push({ target, partition });
  }
  const release = (): void => {
    for (const { log, batches } of taken.splice(0)) {
      services.responseMemory.give(batches.length);
      log.release(batches);
    }
  };
  return { results, recordBytes, isUrgent, release };
}

/** What a partition is answered that cannot be read. */
export function unreadable(partitionIndex: number, errorCode: KafkaErrorName): PartitionData {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1n,
    abortedTransactions: null,
    records: noBytes,
  };
}

function readPartition(
  services: FetchServices,
  options: ReadOptions,
  target: FetchTarget,
  budget: Budget,
  taken: Taken[],
): PartitionData | Promise<PartitionData> {
  const found = readableLog(services, options, target);
  if ('answer' in found) return found.answer;
  const { log } = found;
  const { fetchOffset } = target;
  const hasRoom = budget.mayExceed || budget.bytesMax > 0;
  if (fetchOffset >= log.highWatermark || !hasRoom) return readable(log, target, options, noBytes);
  const { responseMemory } = services;
  const granted = responseMemory.grant(budget.bytesMax);
  if (granted === 0 && !budget.mayExceed) return readable(log, target, options, noBytes);
  return log.read(fetchOffset, granted).then(
    ({ batches }) => {
      responseMemory.settle(granted, batches.length);
      taken.push({ log, batches });
      const isTooMuch = !budget.mayExceed && batches.length > granted;
      if (!isTooMuch) return readable(log, target, options, batches);
      // Kafka has not looked for aborted transactions either when the first batch does not fit.
      return { ...readable(log, target, options, noBytes), abortedTransactions: null };
    },
    (error: unknown) => {
      responseMemory.settle(granted, 0);
      return rejected(services, options, target, errorOf(services, options, target, error));
    },
  );
}

/** The log of a target that can be read; else what is answered at once. */
export function readableLog(
  services: FetchServices,
  options: ReadOptions,
  target: FetchTarget,
): { readonly log: PartitionLog } | { readonly answer: PartitionData } {
  const answered = (answer: PartitionData): { readonly answer: PartitionData } => ({ answer });
  const { topic = '', topicId, partition, fetchOffset } = target;
  const log = ledPartition(services, options.nodeId, topic, partition);
  if (isNotLed(log)) return answered(rejected(services, options, target, log));
  if (topicId !== zeroUuid && services.broker.findTopic(topic)?.topicId !== topicId) {
    return answered(unreadable(partition, 'INCONSISTENT_TOPIC_ID'));
  }
  const epochProblem = leaderEpochProblem(log, target.currentLeaderEpoch);
  if (epochProblem !== 'NONE') return answered(rejected(services, options, target, epochProblem));
  if (options.isFromFollower) return answered(unreadable(partition, notReplicated(target)));
  const divergence = divergenceOf(log, target);
  if (divergence === 'OFFSET_OUT_OF_RANGE') return answered(unreadable(partition, divergence));
  if (divergence !== undefined) {
    return answered({ ...readable(log, target, options, noBytes), divergingEpoch: divergence });
  }
  if (fetchOffset < log.logStartOffset || fetchOffset > log.logEndOffset) {
    return answered(unreadable(partition, 'OFFSET_OUT_OF_RANGE'));
  }
  return { log };
}

/** What Kafka answers a broker that is none of the partition's replicas. */
function notReplicated({ currentLeaderEpoch }: FetchTarget): KafkaErrorName {
  return currentLeaderEpoch === -1 ? 'NOT_LEADER_OR_FOLLOWER' : 'UNKNOWN_LEADER_EPOCH';
}

/**
 * Whether the records that the client has last are not those of this log, as after an unclean stop (KIP-320): then where its
 * epoch ended here, or the error for one that is not known.
 */
function divergenceOf(
  log: PartitionLog,
  { lastFetchedEpoch, fetchOffset }: FetchTarget,
): { readonly epoch: number; readonly endOffset: bigint } | 'OFFSET_OUT_OF_RANGE' | undefined {
  if (lastFetchedEpoch === -1) return undefined;
  const end = log.endOfEpoch(lastFetchedEpoch);
  if (end === undefined || fetchOffset < log.logStartOffset) return 'OFFSET_OUT_OF_RANGE';
  return end.epoch < lastFetchedEpoch || end.endOffset < fetchOffset ? end : undefined;
}

function readable(
  { highWatermark, logStartOffset }: PartitionLog,
  { partition }: FetchTarget,
  { isReadCommitted }: ReadOptions,
  records: Uint8Array,
): PartitionData {
  return {
    partitionIndex: partition,
    errorCode: 'NONE',
    highWatermark,
    // No transaction is ever open.
    lastStableOffset: highWatermark,
    logStartOffset,
    abortedTransactions: isReadCommitted ? [] : null,
    records,
  };
}

/** An error that the client may be told more of: who leads the partition now (KIP-951). */
function rejected(
  services: FetchServices,
  { version }: ReadOptions,
  target: FetchTarget,
  errorCode: KafkaErrorName,
): PartitionData {
  const answer = unreadable(target.partition, errorCode);
  const isForAnother = errorCode === 'NOT_LEADER_OR_FOLLOWER' || errorCode === 'FENCED_LEADER_EPOCH';
  if (version < 16 || !isForAnother) return answer;
  return { ...answer, currentLeader: currentLeader(services, target.topic ?? '', target.partition) };
}

function errorOf(
  services: FetchServices,
  { version, nodeId }: ReadOptions,
  target: FetchTarget,
  error: unknown,
): KafkaErrorName {
  const { topic = '', partition } = target;
  if (ThroughlineError.is(error, 'CLOSED')) {
    // Its topic may have been deleted while it was read.
    const log = ledPartition(services, nodeId, topic, partition);
    return isNotLed(log) ? log : 'NOT_LEADER_OR_FOLLOWER';
  }
  const errorCode = kafkaErrorOf(error);
  if (errorCode === 'UNKNOWN_SERVER_ERROR') services.logger.error({ topic, partition, error }, 'a read met a defect');
  // Clients of that age do not know that one, and would not try again.
  return errorCode === 'KAFKA_STORAGE_ERROR' && version <= 5 ? 'NOT_LEADER_OR_FOLLOWER' : errorCode;
}
