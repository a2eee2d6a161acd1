// From the settings of a topic as text (what its maker said, by Kafka's names) to the config that the log works with: what
// the topic does not say, it takes from the broker, and what that does not say, from the table.
import { ThroughlineError } from '@throughline/event';
import { recordBytesMaxLimit, segmentBytesMax } from '../defaults.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import type { BrokerConfigs, ConfigChanges } from './broker-configs.ts';
import { boundOf, canonicalValue, listItems } from './config-definition.ts';
import { internalSegmentBytes, topicConfigTable, type TopicConfigDefinition } from './topic-config-table.ts';

/** What a topic says itself, by Kafka's names. */
export type TopicOverrides = ReadonlyMap<string, string>;

export function topicConfigOf(overrides: TopicOverrides, broker: BrokerConfigs): TopicConfig {
  const value = (name: string): string =>
    overrides.get(name) ?? followedValue(topicConfigTable.get(name)!, broker).value;
  // Kafka's own word for it, which its command line tools can set.
  const isSyncedEach = value('flush.messages') === '1';
  const policy = listItems(value('cleanup.policy'));
  // Without `delete` nothing is removed by age or size.
  const isDeleted = policy.includes('delete');
  return {
    durability:
      isSyncedEach && !overrides.has('durability') ? 'fsync' : (value('durability') as TopicConfig['durability']),
    retentionMs: isDeleted ? boundOf(value('retention.ms')) : null,
    retentionBytes: isDeleted ? boundOf(value('retention.bytes')) : null,
    // Kafka's table lets segments be larger than an index can point into.
    segmentBytes: Math.min(Number(overrides.get(internalSegmentBytes.name) ?? value('segment.bytes')), segmentBytesMax),
    segmentMs: boundOf(value('segment.ms')),
    // A request that brings more is rejected before its batches are looked at.
    recordBytesMax: Math.min(Number(value('max.message.bytes')), recordBytesMaxLimit),
    timestampType: value('message.timestamp.type') as TopicConfig['timestampType'],
    timestampBeforeMaxMs: boundOf(value('message.timestamp.before.max.ms')),
    timestampAfterMaxMs: boundOf(value('message.timestamp.after.max.ms')),
    isCompacted: policy.includes('compact'),
  };
}

/** What a topic that says nothing takes from the broker, and from which of its settings; undefined for the table's default. */
export function followedValue(
  definition: TopicConfigDefinition,
  broker: BrokerConfigs,
): { readonly value: string; readonly from: string | undefined } {
  for (const { name, times = 1 } of definition.follows) {
    const value = broker.value(name);
    if (value !== null) return { value: inUnit(value, times), from: name };
  }
  return { value: definition.default, from: undefined };
}

/** A number of minutes or hours in milliseconds; -1 stays what it is. */
export function inUnit(value: string, times: number): string {
  return times === 1 || Number(value) < 0 ? value : String(BigInt(value) * BigInt(times));
}

/**
 * What a topic says after a change, checked as Kafka does.
 *
 * @throws ThroughlineError INVALID_CONFIG
 */
export function changedOverrides(overrides: TopicOverrides, changes: ConfigChanges): TopicOverrides {
  const changed = new Map(overrides);
  for (const [name, value] of changes) {
    const definition = name === internalSegmentBytes.name ? internalSegmentBytes : topicConfigTable.get(name);
    if (definition === undefined) throw invalid(`Unknown topic config name: ${name}`);
    if (value === null) changed.delete(name);
    else changed.set(name, canonicalValue(definition, value));
  }
  checkTogether(changed);
  return changed;
}

function checkTogether(overrides: TopicOverrides): void {
  const value = (name: string): string => overrides.get(name) ?? topicConfigTable.get(name)!.default;
  if (value('remote.storage.enable') === 'true') {
    throw invalid(
      'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
    );
  }
  const [minLagMs, maxLagMs] = [value('min.compaction.lag.ms'), value('max.compaction.lag.ms')];
  if (BigInt(minLagMs) > BigInt(maxLagMs)) {
    throw invalid(
      `conflict topic config setting min.compaction.lag.ms (${minLagMs}) > max.compaction.lag.ms (${maxLagMs})`,
    );
  }
}

function invalid(message: string): ThroughlineError {
  return new ThroughlineError('INVALID_CONFIG', message);
}
