// The answers that groups give in more than one place.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { noBytes, type KafkaErrorName } from '@throughline/wire';
import type { JoinGroupResponse, SyncGroupResponse } from '@throughline/wire/apis';

export function rejectedJoin(error: KafkaErrorName, memberId: string): JoinGroupResponse {
  return { errorCode: error, generationId: -1, protocolName: null, leader: '', memberId, members: [] };
}

export function rejectedSync(error: KafkaErrorName): SyncGroupResponse {
  return { errorCode: error, protocolType: null, protocolName: null, assignment: noBytes };
}

const storeErrors: Partial<Record<ErrorCode, KafkaErrorName>> = {
  UNKNOWN_TOPIC: 'COORDINATOR_NOT_AVAILABLE',
  THROTTLED: 'COORDINATOR_NOT_AVAILABLE',
  OUT_OF_DISK: 'NOT_COORDINATOR',
  PARTITION_OFFLINE: 'NOT_COORDINATOR',
  CLOSED: 'NOT_COORDINATOR',
};

/** What a client is told when its coordinator's log could not keep something: to look for the coordinator and try again. */
export function storeErrorOf(error: unknown): KafkaErrorName {
  return (error instanceof ThroughlineError ? storeErrors[error.code] : undefined) ?? 'UNKNOWN_SERVER_ERROR';
}
