// The kinds of triggers that are event source mappings of a topic: `kafka` and `stream`.
import { mappingGroupPrefix } from '../../defaults.ts';
import { namedUuid } from '../named-uuid.ts';
import type { TriggerKind } from '../trigger.ts';
import { Mapping } from './mapping.ts';
import { queueGroup, type QueueConfig } from '../queue/queue-config.ts';
import { readMapping, type MappingConfig } from './mapping-config.ts';

export const kafkaKind: TriggerKind<MappingConfig> = kind('kafka');
export const streamKind: TriggerKind<MappingConfig> = kind('stream');

function kind(type: MappingConfig['type']): TriggerKind<MappingConfig> {
  return {
    type,
    read: readMapping,
    start(config, target, services) {
      const group = groupOf(config, target.name);
      // A mapping of the configuration has the same id after every start.
      return new Mapping({ uuid: namedUuid(`${target.name}\n${group}`), group, config, target, services });
    },
  };
}

/**
 * The consumer group that two mappings among the triggers of a function have in common: they would share its records out, and
 * neither would see them all. Undefined where each has its own.
 */
export function twinMapping(triggers: readonly { readonly type: string }[], functionName: string): string | undefined {
  const queues = triggers.flatMap((one) =>
    one.type === 'queue' ? [queueGroup(functionName, one as QueueConfig)] : [],
  );
  const groups = [...triggers.filter(isMapping).map((config) => groupOf(config, functionName)), ...queues];
  return groups.find((group, index) => groups.indexOf(group) < index);
}

function isMapping(config: { readonly type: string }): config is MappingConfig {
  return config.type === 'kafka' || config.type === 'stream';
}

/** Made from names where the application names none. */
function groupOf({ consumerGroupId, type, topic }: MappingConfig, functionName: string): string {
  return consumerGroupId ?? `${mappingGroupPrefix}${functionName}-${type}-${topic}`;
}
