// ListPartitionReassignments (KIP-455): which partitions are on their way to other replicas. None ever is: each has one
// replica, at the node that it is worked out to be at (network/cluster.ts).
import type { KafkaErrorName } from '@throughline/wire';
import {
  listPartitionReassignmentsApi,
  type ListPartitionReassignmentsRequest,
  type ListPartitionReassignmentsResponse,
} from '@throughline/wire/apis';
import { handler, type ApiRequest } from './handler.ts';
import { problem } from './problem.ts';

export const listPartitionReassignments = handler({
  api: listPartitionReassignmentsApi,
  handle: (): ListPartitionReassignmentsResponse => ({ ...problem('NONE'), topics: [] }),
  failed: (
    _request: ApiRequest<ListPartitionReassignmentsRequest>,
    errorCode: KafkaErrorName,
  ): ListPartitionReassignmentsResponse => ({ errorCode, errorMessage: null, topics: [] }),
});
