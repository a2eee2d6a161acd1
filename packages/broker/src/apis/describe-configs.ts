// DescribeConfigs: what topics and nodes are set to, where each value comes from, what else has a say (KIP-226) and what
// it does (KIP-569). Kafka's ConfigHelper gives the order of checks and the words. `durability` says of each topic what its
// acknowledgements mean.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  describeConfigsApi,
  type DescribeConfigsRequest,
  type DescribeConfigsResource,
  type DescribeConfigsResourceResult,
  type DescribeConfigsResponse,
  type DescribeConfigsResult,
} from '@throughline/wire/apis';
import { allNodes } from '../metadata/broker-configs.ts';
import {
  describeBrokerConfigs,
  describeNodeFacts,
  describeTopicConfigs,
  type DescribedConfig,
} from '../metadata/describe-configs.ts';
import type { Broker, TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';
import { topicNameProblem } from '../ground/topic-name.ts';
import { configSourceIds, configTypeIds } from './config-ids.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { isResourceType, nodeIdOf, type ConfigResource } from './config-resources.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, type Problem } from './problem.ts';

export const describeConfigs = handler({ api: describeConfigsApi, handle, failed });

function handle(services: Services, request: ApiRequest<DescribeConfigsRequest>): DescribeConfigsResponse {
  const { resources } = request.body;
  // One kind that is not known fails them all.
  if (!resources.every(({ resourceType }) => isResourceType(resourceType))) {
    return failed(request, 'INVALID_REQUEST');
  }
  return { results: resources.map((resource) => describe(services, request, resource)) };
}

function failed({ body }: ApiRequest<DescribeConfigsRequest>, errorCode: KafkaErrorName): DescribeConfigsResponse {
  return { results: body.resources.map((resource) => result(resource, { errorCode, errorMessage: null }, [])) };
}

function describe(
  services: Services,
  request: ApiRequest<DescribeConfigsRequest>,
  resource: Read<DescribeConfigsResource>,
): DescribeConfigsResult {
  const found = configsOf(services, request.nodeId, resource);
  if ('errorCode' in found) return result(resource, found, []);
  const { configurationKeys: keys } = resource;
  // No keys at all are all of them.
  const asked = keys === null || keys.length === 0 ? found : found.filter(({ name }) => keys.includes(name));
  return result(
    resource,
    problem('NONE'),
    asked.map((config) => described(config, request.body)),
  );
}

function configsOf(
  { broker, cluster }: Services,
  nodeId: number,
  { resourceType, resourceName: name }: ConfigResource,
): readonly DescribedConfig[] | Problem {
  switch (resourceType) {
    case resourceTypes.TOPIC: {
      const text = topicNameProblem(name);
      if (text !== undefined) return problem('INVALID_TOPIC_EXCEPTION', text);
      const topic = broker.findTopic(name);
      return topic === undefined
        ? problem('UNKNOWN_TOPIC_OR_PARTITION')
        : [...describeTopicConfigs(topic.overrides, broker.configs), achieved(broker, topic)];
    }
    case resourceTypes.BROKER:
      if (name === '') return describeBrokerConfigs(allNodes, broker.configs);
      return (
        nodeProblem(name, nodeId, 'or empty string, ') ?? [
          ...describeNodeFacts(cluster.described(nodeId, broker.dataDir)),
          ...describeBrokerConfigs(String(nodeId), broker.configs),
        ]
      );
    case resourceTypes.BROKER_LOGGER:
      if (name === '') return problem('INVALID_REQUEST', 'Broker id must not be empty');
      return nodeProblem(name, nodeId, '') ?? [];
    case resourceTypes.GROUP:
      return name === '' ? problem('INVALID_REQUEST', 'Group name must not be empty') : [];
    default:
      return problem(
        'INVALID_REQUEST',
        name === ''
          ? 'Client metrics subscription name must not be empty'
          : 'Client metrics are not supported by this broker',
      );
  }
}

/** What acknowledgements of a topic mean here and now: what it says, as far as this broker can keep that. */
function achieved({ durabilityMax }: Broker, { config }: TopicMetadata): DescribedConfig {
  const value = durabilityMax === 'memory' ? durabilityMax : config.durability;
  return {
    name: 'durability.achieved',
    value,
    source: 'DEFAULT_CONFIG',
    type: 'STRING',
    isReadOnly: true,
    synonyms: [],
    documentation:
      'Throughline only, and not to be set. What an acknowledgement really means: `durability`, but never more than ' +
      '`memory` for a broker that keeps everything in memory.',
  };
}

function nodeProblem(name: string, nodeId: number, orElse: string): Problem | undefined {
  if (name === '' || nodeIdOf(name) === nodeId) return undefined;
  if (nodeIdOf(name) === undefined)
    return problem('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`);
  const expected = orElse === '' ? `${nodeId} but` : `${nodeId} ${orElse}but`;
  return problem('INVALID_REQUEST', `Unexpected broker id, expected ${expected} received ${name}`);
}

function described(
  { name, value, source, type, isReadOnly, isSensitive = false, synonyms, documentation }: DescribedConfig,
  { includeSynonyms, includeDocumentation }: Read<DescribeConfigsRequest>,
): DescribeConfigsResourceResult {
  return {
    name,
    value,
    readOnly: isReadOnly,
    configSource: configSourceIds[source],
    isSensitive,
    synonyms: includeSynonyms
      ? synonyms.map((synonym) => ({ ...synonym, source: configSourceIds[synonym.source] }))
      : [],
    configType: configTypeIds[type],
    documentation: includeDocumentation ? documentation : null,
  };
}

function result(
  { resourceType, resourceName }: ConfigResource,
  { errorCode, errorMessage }: Problem,
  configs: readonly DescribeConfigsResourceResult[],
): DescribeConfigsResult {
  // Kafka says nothing with an empty text here, and with null elsewhere.
  return { errorCode, errorMessage: errorMessage ?? '', resourceType, resourceName, configs };
}
