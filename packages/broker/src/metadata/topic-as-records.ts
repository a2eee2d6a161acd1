// A topic as the metadata log has it: its name and id, a record per partition, its settings. Every partition has one
// replica, on this node and in this folder.
import type { MetaProperties } from './meta-properties.ts';
import type { StoredTopic } from './metadata-state.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import type { WritableRecord } from './metadata-record.ts';

export function topicRecordsOf(topic: StoredTopic, place: MetaProperties): WritableRecord[] {
  const { topic: name, topicId, partitionCount, overrides } = topic;
  const configs = Array.from(overrides, ([setting, value]): WritableRecord => {
    return { type: 'config', resourceType: resourceTypes.TOPIC, resourceName: name, name: setting, value };
  });
  return [{ type: 'topic', name, topicId }, ...partitionRecordsOf(topicId, 0, partitionCount, place), ...configs];
}

export function partitionRecordsOf(topicId: string, from: number, to: number, place: MetaProperties): WritableRecord[] {
  const { nodeId, directoryId } = place;
  return Array.from({ length: to - from }, (_, i) => ({
    type: 'partition',
    partitionId: from + i,
    topicId,
    replicas: [nodeId],
    isr: [nodeId],
    removingReplicas: [],
    addingReplicas: [],
    leader: nodeId,
    leaderEpoch: 0,
    partitionEpoch: 0,
    directories: [directoryId],
  }));
}
