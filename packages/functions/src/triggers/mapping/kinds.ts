// The kinds of triggers that are event source mappings of a topic: `kafka` and `stream`.
import { createHash } from 'node:crypto';
import { mappingGroupPrefix } from '../../defaults.ts';
import type { TriggerKind } from '../trigger.ts';
import { Mapping } from './mapping.ts';
import { readMapping, type MappingConfig } from './mapping-config.ts';

export const kafkaKind: TriggerKind<MappingConfig> = kind('kafka');
export const streamKind: TriggerKind<MappingConfig> = kind('stream');

function kind(type: MappingConfig['type']): TriggerKind<MappingConfig> {
  return {
    type,
    read: readMapping,
    start(config, target, services) {
      const group = groupOf(config, target.name);
      return new Mapping({ uuid: uuidOf(group, target.name), group, config, target, services });
    },
  };
}

/**
 * The consumer group that two mappings among the triggers of a function have in common: they would share its records out, and
 * neither would see them all. Undefined where each has its own.
 */
export function twinMapping(triggers: readonly { readonly type: string }[], functionName: string): string | undefined {
  const groups = triggers.filter(isMapping).map((config) => groupOf(config, functionName));
  return groups.find((group, index) => groups.indexOf(group) < index);
}

function isMapping(config: { readonly type: string }): config is MappingConfig {
  return config.type === 'kafka' || config.type === 'stream';
}

/** Made from names where the application names none. */
function groupOf({ consumerGroupId, type, topic }: MappingConfig, functionName: string): string {
  return consumerGroupId ?? `${mappingGroupPrefix}${functionName}-${type}-${topic}`;
}

/** A mapping of the configuration has the same name after every start. */
function uuidOf(group: string, functionName: string): string {
  const digits = createHash('sha256').update(`${functionName}\n${group}`).digest('hex');
  // RFC 9562, version 8: digits of one's own making.
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
