// DescribeCluster (KIP-700): the nodes, and who they are together. Brokers are described and not controllers (KIP-919): the
// controller is within this process and cannot be asked over the network.
import type { KafkaErrorName } from '@throughline/wire';
import { describeClusterApi, type DescribeClusterRequest, type DescribeClusterResponse } from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { clusterOperations, operationsNotAsked } from './authorized-operations.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, type Problem } from './problem.ts';

export const describeCluster = handler({ api: describeClusterApi, handle, failed });

const endpointTypes = { BROKER: 1, CONTROLLER: 2 } as const;

function handle({ cluster }: Services, { body }: ApiRequest<DescribeClusterRequest>): DescribeClusterResponse {
  const { endpointType, includeClusterAuthorizedOperations } = body;
  if (endpointType === endpointTypes.CONTROLLER) {
    const text = 'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER';
    return rejected(problem('MISMATCHED_ENDPOINT_TYPE', text));
  }
  if (endpointType !== endpointTypes.BROKER) {
    return rejected(problem('UNSUPPORTED_ENDPOINT_TYPE', `Unsupported endpoint type ${endpointType}`));
  }
  return {
    errorCode: 'NONE',
    clusterId: cluster.clusterId,
    controllerId: cluster.controllerId,
    brokers: cluster.nodes.map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port })),
    clusterAuthorizedOperations: includeClusterAuthorizedOperations ? clusterOperations : operationsNotAsked,
  };
}

function failed(_request: ApiRequest<DescribeClusterRequest>, errorCode: KafkaErrorName): DescribeClusterResponse {
  return rejected({ errorCode, errorMessage: null });
}

function rejected({ errorCode, errorMessage }: Problem): DescribeClusterResponse {
  return { errorCode, errorMessage, clusterId: '', brokers: [] };
}
