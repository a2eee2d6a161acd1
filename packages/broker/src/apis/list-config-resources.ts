// ListConfigResources (KIP-1142): what can be asked of DescribeConfigs. Version 0 was ListClientMetricsResources and lists
// those only: there are none.
import type { KafkaErrorName } from '@throughline/wire';
import {
  listConfigResourcesApi,
  type ConfigResource as ListedResource,
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
} from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { isResourceType } from './config-resources.ts';
import { handler, type ApiRequest } from './handler.ts';

export const listConfigResources = handler({ api: listConfigResourcesApi, handle, failed });

function handle(
  services: Services,
  { version, body }: ApiRequest<ListConfigResourcesRequest>,
): ListConfigResourcesResponse {
  const asked = version === 0 ? [resourceTypes.CLIENT_METRICS] : body.resourceTypes;
  if (!asked.every(isResourceType)) return { errorCode: 'UNSUPPORTED_VERSION', configResources: [] };
  // None are all.
  const types = new Set(asked.length === 0 ? Object.values(resourceTypes) : asked);
  return {
    errorCode: 'NONE',
    configResources: Array.from(types, (resourceType) => resourcesOf(services, resourceType)).flat(),
  };
}

function failed(
  _request: ApiRequest<ListConfigResourcesRequest>,
  errorCode: KafkaErrorName,
): ListConfigResourcesResponse {
  return { errorCode, configResources: [] };
}

function resourcesOf({ broker, cluster }: Services, resourceType: number): ListedResource[] {
  switch (resourceType) {
    case resourceTypes.TOPIC:
      return broker.topics().map(({ topic }) => ({ resourceName: topic, resourceType }));
    case resourceTypes.BROKER:
    case resourceTypes.BROKER_LOGGER:
      return cluster.nodes.map(({ nodeId }) => ({ resourceName: String(nodeId), resourceType }));
    default:
      return [];
  }
}
