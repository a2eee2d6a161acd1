// IncrementalAlterConfigs (KIP-339): changes single settings of a resource and leaves the others as they are.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  incrementalAlterConfigsApi,
  type IncrementalAlterConfigsAlterConfigsResource,
  type IncrementalAlterConfigsAlterableConfig,
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
} from '@throughline/wire/apis';
import { brokerConfigTable } from '../metadata/broker-config-table.ts';
import type { ConfigChanges } from '../metadata/broker-configs.ts';
import { listItems, type ConfigDefinition } from '../metadata/config-definition.ts';
import { topicConfigTable } from '../metadata/topic-config-table.ts';
import type { Services } from './services.ts';
import { alterEach, alterResource, ownConfigs, resourceProblem } from './altered-configs.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { duplicatesOf } from './duplicates.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, type Problem } from './problem.ts';

export const incrementalAlterConfigs = handler({ api: incrementalAlterConfigsApi, handle, failed });

type Resource = Read<IncrementalAlterConfigsAlterConfigsResource>;
type Change = Read<IncrementalAlterConfigsAlterableConfig>;

/** Kafka's AlterConfigOp.OpType. */
const operations = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const;

async function handle(
  services: Services,
  { body, nodeId }: ApiRequest<IncrementalAlterConfigsRequest>,
): Promise<IncrementalAlterConfigsResponse> {
  const responses = await alterEach(services, body.resources, async (resource) => {
    const wrong = changeProblem(resource) ?? resourceProblem(services, nodeId, resource);
    if (wrong !== undefined) return wrong;
    const changes = changesOf(services, resource);
    return 'errorCode' in changes ? changes : alterResource(services, resource, changes, body.validateOnly);
  });
  return { responses };
}

function failed(
  { body }: ApiRequest<IncrementalAlterConfigsRequest>,
  errorCode: KafkaErrorName,
): IncrementalAlterConfigsResponse {
  return {
    responses: body.resources.map(({ resourceType, resourceName }) => ({
      errorCode,
      errorMessage: null,
      resourceType,
      resourceName,
    })),
  };
}

/** What is wrong with the changes whatever the resource is. */
function changeProblem({ configs }: Resource): Problem | undefined {
  if (duplicatesOf(configs.map(({ name }) => name)).size > 0) {
    return problem('INVALID_REQUEST', 'Error due to duplicate config keys');
  }
  const unvalued = configs.filter(
    ({ configOperation, value }) => configOperation !== operations.DELETE && value === null,
  );
  if (unvalued.length > 0) {
    const names = unvalued.map(({ name }) => name).join(',');
    return problem('INVALID_REQUEST', `Null value not supported for : ${names}`);
  }
  const unknown = configs.find(({ configOperation }) => configOperation < 0 || configOperation > operations.SUBTRACT);
  return unknown === undefined
    ? undefined
    : problem('INVALID_REQUEST', `Unknown operation ${unknown.configOperation} for ${unknown.name}`);
}

function changesOf(services: Services, resource: Resource): ConfigChanges | Problem {
  const own = ownConfigs(services, resource);
  const changes = new Map<string, string | null>();
  for (const change of resource.configs) {
    const { name, configOperation, value } = change;
    if (configOperation === operations.SET) changes.set(name, value);
    // What is not set is deleted already, even if there is no such setting.
    else if (configOperation === operations.DELETE) {
      if (own.has(name)) changes.set(name, null);
    } else {
      const list = changedList(resource.resourceType, change, own.get(name) ?? undefined);
      if (typeof list !== 'string') return list;
      changes.set(name, list);
    }
  }
  return changes;
}

/** A list with items more or less. One that was not set begins as the default. */
function changedList(resourceType: number, { name, configOperation, value }: Change, own?: string): string | Problem {
  const isTopic = resourceType === resourceTypes.TOPIC;
  const definition: ConfigDefinition | undefined = (isTopic ? topicConfigTable : brokerConfigTable).get(name);
  const isAppend = configOperation === operations.APPEND;
  if (definition?.type !== 'LIST') {
    const verb = isAppend ? 'APPEND' : 'SUBTRACT';
    const text = isTopic
      ? `Can't ${verb} to key ${name} because its type is not LIST.`
      : definition === undefined
        ? `Unknown config name: ${name}`
        : `Config value ${verb.toLowerCase()} is not allowed for config key: ${name}`;
    return problem('INVALID_CONFIG', text);
  }
  const items = listItems(own ?? definition.default ?? '');
  const changed = listItems(value ?? '');
  return isAppend
    ? [...new Set([...items, ...changed])].join(',')
    : items.filter((item) => !changed.includes(item)).join(',');
}
