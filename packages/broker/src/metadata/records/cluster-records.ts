// What concerns the cluster as a whole.
//
//   ConfigRecord (4, version 0)        => resourceType INT8, resourceName COMPACT_STRING, name COMPACT_STRING,
//                                         value COMPACT_NULLABLE_STRING (null: deleted), tags
//   FeatureLevelRecord (12, version 0) => name COMPACT_STRING, featureLevel INT16, tags
//   ProducerIdsRecord (15, version 0)  => brokerId INT32, brokerEpoch INT64, nextProducerId INT64, tags
import type { RecordKind } from './record-kind.ts';

/** What a config belongs to (common/config/ConfigResource.java). */
export const resourceTypes = { topic: 2, broker: 4 } as const;

export interface ConfigRecord {
  readonly type: 'config';
  readonly resourceType: number;
  /** A topic's name; a node's id, or empty for all nodes. */
  readonly resourceName: string;
  readonly name: string;
  readonly value: string | null;
}

export const configRecord: RecordKind<ConfigRecord> = {
  type: 'config',
  apiKey: 4,
  version: 0,
  read: (from) => ({
    type: 'config',
    resourceType: from.int8(),
    resourceName: from.compactString(),
    name: from.compactString(),
    value: from.compactNullableString(),
  }),
  write: (to, record) => {
    to.int8(record.resourceType);
    to.compactString(record.resourceName);
    to.compactString(record.name);
    to.compactString(record.value);
    to.taggedFields();
  },
};

export interface FeatureLevelRecord {
  readonly type: 'feature-level';
  readonly name: string;
  readonly featureLevel: number;
}

export const featureLevelRecord: RecordKind<FeatureLevelRecord> = {
  type: 'feature-level',
  apiKey: 12,
  version: 0,
  read: (from) => ({ type: 'feature-level', name: from.compactString(), featureLevel: from.int16() }),
  write: (to, { name, featureLevel }) => {
    to.compactString(name);
    to.int16(featureLevel);
    to.taggedFields();
  },
};

export interface ProducerIdsRecord {
  readonly type: 'producer-ids';
  readonly brokerId: number;
  readonly brokerEpoch: bigint;
  /** Producer ids below it have been given out. */
  readonly nextProducerId: bigint;
}

export const producerIdsRecord: RecordKind<ProducerIdsRecord> = {
  type: 'producer-ids',
  apiKey: 15,
  version: 0,
  read: (from) => ({
    type: 'producer-ids',
    brokerId: from.int32(),
    brokerEpoch: from.int64(),
    nextProducerId: from.int64(),
  }),
  write: (to, record) => {
    to.int32(record.brokerId);
    to.int64(record.brokerEpoch);
    to.int64(record.nextProducerId);
    to.taggedFields();
  },
};
