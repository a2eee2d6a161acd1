// Settings with where their values come from, as DescribeConfigs answers them and `throughline topics` shows them.
import { allNodes, type BrokerConfigs } from './broker-configs.ts';
import { brokerConfigTable } from './broker-config-table.ts';
import type { ConfigDefinition, ConfigType } from './config-definition.ts';
import { inUnit, type TopicOverrides } from './topic-configs.ts';
import { topicConfigTable } from './topic-config-table.ts';

/** Where a value comes from, by Kafka's names (DescribeConfigsResponse.ConfigSource). */
export type ConfigSource =
  | 'DYNAMIC_TOPIC_CONFIG'
  | 'DYNAMIC_BROKER_CONFIG'
  | 'DYNAMIC_DEFAULT_BROKER_CONFIG'
  | 'STATIC_BROKER_CONFIG'
  | 'DEFAULT_CONFIG';

export interface ConfigSynonym {
  readonly name: string;
  readonly value: string | null;
  readonly source: ConfigSource;
}

export interface DescribedConfig extends ConfigSynonym {
  readonly type: ConfigType;
  readonly isReadOnly: boolean;
  /** Everything that has a say, the strongest first. */
  readonly synonyms: readonly ConfigSynonym[];
  /** What it does, and why it does nothing here where that is so. */
  readonly documentation: string;
}

/** All settings of a topic, in order of their names. */
export function describeTopicConfigs(overrides: TopicOverrides, broker: BrokerConfigs): readonly DescribedConfig[] {
  return Array.from(topicConfigTable.values(), (definition) => {
    const { name } = definition;
    const own = overrides.get(name);
    const synonyms: ConfigSynonym[] = own === undefined ? [] : [{ name, value: own, source: 'DYNAMIC_TOPIC_CONFIG' }];
    const layers = definition.follows.map((one) => ({ ...one, layers: layersOf(one.name, '1', broker) }));
    synonyms.push(...layers.flatMap((one) => one.layers));
    // The layers of a setting in another unit come behind all of the one before it.
    const strongest = layers.find((one) => one.layers.length > 0);
    const [followed] = strongest?.layers ?? [];
    const value =
      own ?? inUnit(followed?.value ?? definition.default, followed === undefined ? 1 : (strongest?.times ?? 1));
    const source = own === undefined ? (followed?.source ?? 'DEFAULT_CONFIG') : 'DYNAMIC_TOPIC_CONFIG';
    return { ...described(definition), value, source, isReadOnly: false, synonyms };
  });
}

/** All settings of a node, in order of their names; of `allNodes` those that were changed at run time. */
export function describeBrokerConfigs(node: string, broker: BrokerConfigs): readonly DescribedConfig[] {
  return Array.from(brokerConfigTable.values()).flatMap((definition) => {
    const synonyms = layersOf(definition.name, node, broker);
    const [strongest] = synonyms;
    if (node === allNodes && strongest?.source !== 'DYNAMIC_DEFAULT_BROKER_CONFIG') return [];
    const { value, source } = strongest ?? { value: null, source: 'DEFAULT_CONFIG' as const };
    return { ...described(definition), value, source, isReadOnly: !definition.isDynamic, synonyms };
  });
}

/** What has a say in a broker's setting, the strongest first. */
function layersOf(name: string, node: string, broker: BrokerConfigs): ConfigSynonym[] {
  const layers: readonly (readonly [ConfigSource, string | null | undefined])[] = [
    ['DYNAMIC_BROKER_CONFIG', node === allNodes ? undefined : broker.dynamicOf(node).get(name)],
    ['DYNAMIC_DEFAULT_BROKER_CONFIG', broker.dynamicOf(allNodes).get(name)],
    ['STATIC_BROKER_CONFIG', broker.givenOf(name)],
    ['DEFAULT_CONFIG', broker.defaultOf(name)],
  ];
  return layers.flatMap(([source, value]) => (value === undefined || value === null ? [] : [{ name, value, source }]));
}

function described({
  name,
  type,
  doc,
  withoutEffect,
}: ConfigDefinition): Pick<DescribedConfig, 'name' | 'type' | 'documentation'> {
  return {
    name,
    type,
    documentation: withoutEffect === undefined ? doc : `${doc} Without effect here: ${withoutEffect}.`,
  };
}
