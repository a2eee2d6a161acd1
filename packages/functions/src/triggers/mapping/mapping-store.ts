// The mappings that were made by AWS's API, by their UUIDs, on topic `_throughline.mappings`.
import { number, object, parse, string, unknown } from '@throughline/event';
import { mappingsTopic } from '../../defaults.ts';
import { SettingsTopic, type SettingsTopicOptions } from '../../settings/settings-topic.ts';
import { readMapping, type MappingConfig } from './mapping-config.ts';

export interface StoredMapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly config: MappingConfig;
  readonly changedMs: number;
}

const schema = object({ functionName: string(), changedMs: number(), config: unknown() });

export function openMappingStore(
  options: Omit<SettingsTopicOptions<StoredMapping>, 'topic' | 'read'>,
): SettingsTopic<StoredMapping> {
  return new SettingsTopic({ ...options, topic: mappingsTopic, read: readStored });
}

function readStored(uuid: string, value: unknown): StoredMapping {
  const { functionName, config, changedMs } = parse(schema, value, 'INVALID_EVENT');
  return { uuid, functionName, changedMs, config: readMapping(config, uuid) };
}
