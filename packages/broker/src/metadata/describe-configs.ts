// Settings with where their values come from, as DescribeConfigs answers them and `throughline topics` shows them.
import { allNodes, type BrokerConfigs } from './broker-configs.ts';
import { brokerConfigTable } from './broker-config-table.ts';
import type { ConfigDefinition, ConfigType } from './config-definition.ts';
import { nodeFacts, type DescribedNode } from './node-facts.ts';
import { followedValue, type TopicOverrides } from './topic-configs.ts';
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
  /** UNKNOWN for a setting that nobody here knows and that was set all the same. */
  readonly type: ConfigType | 'UNKNOWN';
  readonly isReadOnly: boolean;
  /** The value is kept and not shown: of what is not known nobody can say whether it is a secret. */
  readonly isSensitive?: boolean;
  /** Everything that has a say, the strongest first. */
  readonly synonyms: readonly ConfigSynonym[];
  /** What it does, and why it does nothing here where that is so. */
  readonly documentation: string | null;
}

/** All settings of a topic, in order of their names. */
export function describeTopicConfigs(overrides: TopicOverrides, broker: BrokerConfigs): readonly DescribedConfig[] {
  return Array.from(topicConfigTable.values(), (definition) => {
    const { name, follows } = definition;
    const own = overrides.get(name);
    const synonyms = synonymsOf(
      follows.map((one) => one.name),
      '1',
      broker,
    );
    if (own !== undefined) synonyms.unshift({ name, value: own, source: 'DYNAMIC_TOPIC_CONFIG' });
    const value = own ?? followedValue(definition, broker).value;
    return { ...described(definition), value, source: sourceOf(synonyms), isReadOnly: false, synonyms };
  });
}

/** All settings of a node, in order of their names; of `allNodes` those that were changed at run time. */
export function describeBrokerConfigs(node: string, broker: BrokerConfigs): readonly DescribedConfig[] {
  const known = Array.from(brokerConfigTable.values()).flatMap((definition) => {
    const { name, isDynamic } = definition;
    const all = synonymsOf(namesBeside(name), node, broker, name);
    const synonyms = node === allNodes ? all.filter(({ source }) => source === 'DYNAMIC_DEFAULT_BROKER_CONFIG') : all;
    if (node === allNodes && synonyms.length === 0) return [];
    const value = synonyms.find((synonym) => synonym.name === name)?.value ?? null;
    return { ...described(definition), value, source: sourceOf(synonyms), isReadOnly: !isDynamic, synonyms };
  });
  return [...known, ...describeUnknown(node, broker)];
}

/** What a node is: where it listens and where its data is. Nothing of it is to be changed. */
export function describeNodeFacts(node: DescribedNode): readonly DescribedConfig[] {
  return nodeFacts.map(({ name, type, default: otherwise, doc, valueOf }) => {
    const value = valueOf(node);
    const synonyms: ConfigSynonym[] = [{ name, value, source: 'STATIC_BROKER_CONFIG' }];
    if (otherwise !== null) synonyms.push({ name, value: otherwise, source: 'DEFAULT_CONFIG' });
    return { name, type, value, source: 'STATIC_BROKER_CONFIG', isReadOnly: true, synonyms, documentation: doc };
  });
}

/** Settings that were set without being known here, as Apache Kafka shows such: that they are there, and not what they are. */
function describeUnknown(node: string, broker: BrokerConfigs): readonly DescribedConfig[] {
  const layers = [
    ...(node === allNodes ? [] : [['DYNAMIC_BROKER_CONFIG', broker.dynamicOf(node)] as const]),
    ['DYNAMIC_DEFAULT_BROKER_CONFIG', broker.dynamicOf(allNodes)] as const,
  ];
  const names = new Set(layers.flatMap(([, settings]) => [...settings.keys()]));
  return Array.from(names)
    .filter((name) => !brokerConfigTable.has(name))
    .map((name) => {
      const synonyms = layers.flatMap(([source, settings]): ConfigSynonym[] =>
        settings.has(name) ? [{ name, value: null, source }] : [],
      );
      const hidden = {
        type: 'UNKNOWN',
        value: null,
        isReadOnly: true,
        isSensitive: true,
        documentation: null,
      } as const;
      return { name, ...hidden, source: sourceOf(synonyms), synonyms };
    });
}

/** A broker's setting and those that mean the same in another unit, as topics follow them: `log.retention.ms`, `.minutes`, `.hours`. */
function namesBeside(name: string): readonly string[] {
  for (const { follows } of topicConfigTable.values()) {
    if (follows.some((one) => one.name === name)) return follows.map((one) => one.name);
  }
  return [name];
}

/**
 * What has a say in a broker's setting, by its names, the strongest first: all names of one layer before those of the next.
 * As in Kafka nothing comes before the first that bears the name `from`, so that retention by hours is a synonym of
 * `log.retention.ms` only where that is set, too.
 */
function synonymsOf(
  names: readonly string[],
  node: string,
  broker: BrokerConfigs,
  from: string | undefined = names[0],
): ConfigSynonym[] {
  const layers: readonly (readonly [ConfigSource, (name: string) => string | null | undefined])[] = [
    ['DYNAMIC_BROKER_CONFIG', (name) => (node === allNodes ? undefined : broker.dynamicOf(node).get(name))],
    ['DYNAMIC_DEFAULT_BROKER_CONFIG', (name) => broker.dynamicOf(allNodes).get(name)],
    ['STATIC_BROKER_CONFIG', (name) => broker.givenOf(name)],
    ['DEFAULT_CONFIG', (name) => broker.defaultOf(name)],
  ];
  const synonyms = layers.flatMap(([source, valueOf]) =>
    names.flatMap((name): ConfigSynonym[] => {
      const value = valueOf(name) ?? null;
      return value === null ? [] : [{ name, value, source }];
    }),
  );
  const first = synonyms.findIndex(({ name }) => name === from);
  return first < 0 ? [] : synonyms.slice(first);
}

function sourceOf([strongest]: readonly ConfigSynonym[]): ConfigSource {
  return strongest?.source ?? 'DEFAULT_CONFIG';
}

function described({ name, type, doc, withoutEffect }: ConfigDefinition): {
  readonly name: string;
  readonly type: ConfigType;
  readonly documentation: string;
} {
  return {
    name,
    type,
    documentation: withoutEffect === undefined ? doc : `${doc} Without effect here: ${withoutEffect}.`,
  };
}
