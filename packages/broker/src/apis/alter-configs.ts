// AlterConfigs: gives a resource all its settings at once; what is not named goes back to what holds without it. Kafka keeps
// it for old clients, as two of them at a time undo each other's changes; the successor is IncrementalAlterConfigs.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  alterConfigsApi,
  type AlterConfigsRequest,
  type AlterConfigsResource,
  type AlterConfigsResponse,
} from '@throughline/wire/apis';
import type { ConfigChanges } from '../metadata/broker-configs.ts';
import type { Services } from './services.ts';
import { alterEach, alterResource, ownConfigs, resourceProblem } from './altered-configs.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, type Problem } from './problem.ts';

export const alterConfigs = handler({ api: alterConfigsApi, handle, failed });

async function handle(
  services: Services,
  { body, nodeId }: ApiRequest<AlterConfigsRequest>,
): Promise<AlterConfigsResponse> {
  const responses = await alterEach(services, body.resources, async (resource) => {
    const wrong = kindProblem(resource) ?? resourceProblem(services, nodeId, resource) ?? nullProblem(resource);
    return wrong ?? alterResource(services, resource, changesOf(services, resource), body.validateOnly);
  });
  return { responses };
}

function failed({ body }: ApiRequest<AlterConfigsRequest>, errorCode: KafkaErrorName): AlterConfigsResponse {
  return {
    responses: body.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  };
}

/** Loggers can only be changed one by one. */
function kindProblem({ resourceType }: Read<AlterConfigsResource>): Problem | undefined {
  return resourceType === resourceTypes.BROKER_LOGGER
    ? problem('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
    : undefined;
}

function nullProblem({ configs }: Read<AlterConfigsResource>): Problem | undefined {
  const names = configs.filter(({ value }) => value === null).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : problem('INVALID_REQUEST', `Null value not supported for : ${names.join(',')}`);
}

function changesOf(services: Services, resource: Read<AlterConfigsResource>): ConfigChanges {
  const changes = new Map<string, string | null>();
  for (const name of ownConfigs(services, resource).keys()) changes.set(name, null);
  for (const { name, value } of resource.configs) changes.set(name, value);
  return changes;
}
