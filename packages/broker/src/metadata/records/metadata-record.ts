// The records of `__cluster_metadata-0` that this broker writes or understands, in Kafka's notation (the schemas
// common/metadata/*.json in kafka-metadata 4.3.1). A record's value is
//
//   frameVersion  UNSIGNED_VARINT  1
//   apiKey        UNSIGNED_VARINT  which record it is
//   version       UNSIGNED_VARINT
//   the fields, in flexible encoding (KIP-482)
import { Reader, Writer } from '@throughline/wire';
import {
  configRecord,
  featureLevelRecord,
  producerIdsRecord,
  type ConfigRecord,
  type FeatureLevelRecord,
  type ProducerIdsRecord,
} from './cluster-records.ts';
import { partitionChangeRecord, type PartitionChangeRecord } from './partition-change-record.ts';
import { partitionRecord, type PartitionRecord } from './partition-record.ts';
import type { ReadableRecordKind, RecordKind } from './record-kind.ts';
import { removeTopicRecord, topicRecord, type RemoveTopicRecord, type TopicRecord } from './topic-records.ts';

/** A record that is only known by its kind: a broker's registration, an ACL, … */
export interface OtherRecord {
  readonly type: 'other';
  readonly apiKey: number;
}

export type WritableRecord =
  | TopicRecord
  | PartitionRecord
  | ConfigRecord
  | RemoveTopicRecord
  | FeatureLevelRecord
  | ProducerIdsRecord;

export type MetadataRecord = WritableRecord | PartitionChangeRecord | OtherRecord;

const frameVersion = 1;

const written: readonly RecordKind<WritableRecord>[] = [
  topicRecord,
  partitionRecord,
  configRecord,
  removeTopicRecord,
  featureLevelRecord,
  producerIdsRecord,
] as readonly RecordKind<WritableRecord>[];
const byType = new Map(written.map((kind) => [kind.type, kind]));
const byKey = new Map<number, ReadableRecordKind<MetadataRecord>>(
  [...written, partitionChangeRecord].map((kind) => [kind.apiKey, kind]),
);

export function encodeMetadataRecord(record: WritableRecord): Uint8Array {
  const kind = byType.get(record.type)!;
  const writer = new Writer(128);
  writer.unsignedVarint(frameVersion);
  writer.unsignedVarint(kind.apiKey);
  writer.unsignedVarint(kind.version);
  kind.write(writer, record);
  return writer.finish();
}

/** @throws ThroughlineError CORRUPT_RECORD for bytes that are no such record */
export function decodeMetadataRecord(value: Uint8Array): MetadataRecord {
  const reader = new Reader(value, 0, value.length, 'CORRUPT_RECORD');
  reader.unsignedVarint();
  const apiKey = reader.unsignedVarint();
  const version = reader.unsignedVarint();
  return byKey.get(apiKey)?.read(reader, version) ?? { type: 'other', apiKey };
}
