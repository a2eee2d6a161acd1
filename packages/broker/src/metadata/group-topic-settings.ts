// What `__consumer_offsets` says itself, when it is made and when its records in the metadata log are lost.
import { recordBytesMaxLimit } from '../defaults.ts';
import type { BrokerConfigs } from './broker-configs.ts';

export function groupTopicSettings(configs: BrokerConfigs): ReadonlyMap<string, string> {
  return new Map([
    ['cleanup.policy', 'compact'],
    ['compression.type', 'producer'],
    ['segment.bytes', configs.value('offsets.topic.segment.bytes') ?? ''],
    // A group of thousands of members is one record.
    ['max.message.bytes', String(recordBytesMaxLimit)],
  ]);
}
