// What AlterConfigs and IncrementalAlterConfigs have in common: which resources can be changed, and changing one of them.
// The order of checks and the words are Kafka's (ConfigAdminManager, ConfigurationControlManager).
import { allNodes, checkedBrokerChanges, type ConfigChanges } from '../metadata/broker-configs.ts';
import { changedOverrides } from '../metadata/topic-configs.ts';
import type { Services } from './services.ts';
import { topicNameProblem } from '../ground/topic-name.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { nodeIdOf, resourceKey, type ConfigResource } from './config-resources.ts';
import { duplicatesOf } from './duplicates.ts';
import { problem, problemOf, type Problem } from './problem.ts';

/** What each resource of a request is answered; those that are named twice are rejected. */
export interface AlteredResource extends Problem, ConfigResource {}

/** Applies `alter` to each resource; it says what is wrong, or `NONE`. */
export async function alterEach<Resource extends ConfigResource>(
  { logger }: Services,
  resources: readonly Resource[],
  alter: (resource: Resource) => Promise<Problem>,
): Promise<AlteredResource[]> {
  const duplicates = duplicatesOf(resources.map(resourceKey));
  const altered: AlteredResource[] = [];
  // One after the other: each is durable before the next begins, as changes of the metadata come one at a time anyhow.
  for (const resource of resources) {
    const { resourceType, resourceName } = resource;
    const answer = duplicates.has(resourceKey(resource))
      ? problem('INVALID_REQUEST', 'Each resource must appear at most once.')
      : await alter(resource).catch((error: unknown) => problemOf(error, logger));
    altered.push({ resourceType, resourceName, ...answer });
  }
  return altered;
}

/** What is wrong with a resource that is to be changed, whatever the change. */
export function resourceProblem(
  { broker }: Services,
  nodeId: number,
  { resourceType, resourceName: name }: ConfigResource,
): Problem | undefined {
  switch (resourceType) {
    case resourceTypes.TOPIC: {
      if (name === '') return problem('INVALID_REQUEST', 'Default topic resources are not allowed.');
      const text = topicNameProblem(name);
      if (text !== undefined) return problem('INVALID_TOPIC_EXCEPTION', text);
      return broker.findTopic(name) === undefined
        ? problem('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
        : undefined;
    }
    case resourceTypes.BROKER:
      return name === '' ? undefined : nodeProblem(name, nodeId, 'Unexpected broker id, expected');
    case resourceTypes.BROKER_LOGGER:
      return nodeProblem(name, nodeId, 'Unexpected node id. Expected');
    case resourceTypes.GROUP:
      return name === '' ? problem('INVALID_REQUEST', 'Default group resources are not allowed.') : undefined;
    case resourceTypes.CLIENT_METRICS:
      return problem(
        'INVALID_REQUEST',
        name === '' ? "Subscription name can't be empty" : 'Client metrics are not supported by this broker',
      );
    default:
      return problem('INVALID_REQUEST', `Unknown resource type ${resourceType}`);
  }
}

function nodeProblem(name: string, nodeId: number, expected: string): Problem | undefined {
  const named = nodeIdOf(name);
  if (named === nodeId) return undefined;
  return problem(
    'INVALID_REQUEST',
    named === undefined
      ? `Node id must be an integer, but it is: ${name}`
      : `${expected} ${nodeId}, but received ${name}`,
  );
}

/** What a resource says itself: what was changed of it before. */
export function ownConfigs({ broker }: Services, { resourceType, resourceName }: ConfigResource): ConfigChanges {
  if (resourceType === resourceTypes.TOPIC) return broker.topic(resourceName).overrides;
  return resourceType === resourceTypes.BROKER ? broker.configs.dynamicOf(nodeName(resourceName)) : new Map();
}

/**
 * Changes a resource that `resourceProblem` has nothing against, or only says whether that could be done.
 *
 * @throws what the broker throws for a change that it does not take
 */
export async function alterResource(
  { broker }: Services,
  { resourceType, resourceName: name }: ConfigResource,
  changes: ConfigChanges,
  validateOnly: boolean,
): Promise<Problem> {
  const [anyName] = changes.keys();
  if (anyName === undefined) return problem('NONE');
  if (resourceType === resourceTypes.TOPIC) {
    if (validateOnly) changedOverrides(broker.topic(name).overrides, changes);
    else await broker.alterTopicSettings(name, changes);
  } else if (resourceType === resourceTypes.BROKER) {
    if (validateOnly) checkedBrokerChanges(changes);
    else await broker.alterBrokerSettings(nodeName(name), changes);
  } else {
    const isGroup = resourceType === resourceTypes.GROUP;
    return problem(
      'INVALID_CONFIG',
      isGroup ? `Unknown group config name: ${anyName}` : `Logger ${anyName} does not exist!`,
    );
  }
  return problem('NONE');
}

/** A node has one name, whichever way its number was written. */
function nodeName(resourceName: string): string {
  return String(nodeIdOf(resourceName) ?? allNodes);
}
