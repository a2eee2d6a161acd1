// The records of `__cluster_metadata-0` that this broker writes or understands, by Kafka's schemas (@throughline/wire/records).
// A record's value is
//
//   frameVersion  UNSIGNED_VARINT  1
//   apiKey        UNSIGNED_VARINT  which record it is
//   version       UNSIGNED_VARINT
//   the fields, in flexible encoding (KIP-482)
import { ThroughlineError } from '@throughline/event';
import { MessageReader, MessageWriter, Reader, type Read, type RecordSchema } from '@throughline/wire';
import {
  configRecordSchema,
  featureLevelRecordSchema,
  partitionChangeRecordSchema,
  partitionRecordSchema,
  producerIdsRecordSchema,
  removeTopicRecordSchema,
  topicRecordSchema,
  type ConfigRecord,
  type FeatureLevelRecord,
  type PartitionChangeRecord,
  type PartitionRecord as KafkaPartitionRecord,
  type ProducerIdsRecord,
  type RemoveTopicRecord,
  type TopicRecord,
} from '@throughline/wire/records';

/** A partition as it is kept here: what only several replicas have to say is left out. */
export type PartitionRecord = { readonly type: 'partition' } & Omit<
  Read<KafkaPartitionRecord>,
  'leaderRecoveryState' | 'eligibleLeaderReplicas' | 'lastKnownElr'
>;

export type WritableRecord =
  | ({ readonly type: 'topic' } & Read<TopicRecord>)
  | PartitionRecord
  | ({ readonly type: 'config' } & Read<ConfigRecord>)
  | ({ readonly type: 'remove-topic' } & Read<RemoveTopicRecord>)
  | ({ readonly type: 'feature-level' } & Read<FeatureLevelRecord>)
  | ({ readonly type: 'producer-ids' } & Read<ProducerIdsRecord>);

/** A record that is only known by its kind: a broker's registration, an ACL, … */
export interface OtherRecord {
  readonly type: 'other';
  readonly apiKey: number;
}

export type MetadataRecord =
  | WritableRecord
  | ({ readonly type: 'partition-change' } & Read<PartitionChangeRecord>)
  | OtherRecord;

/** The leader of a change that does not change it. */
export const noLeaderChange = -2;

const frameVersion = 1;

interface Kind {
  readonly schema: RecordSchema;
  /** The version written. */
  readonly version: number;
}

const kinds: Readonly<Record<Exclude<MetadataRecord['type'], 'other'>, Kind>> = {
  topic: { schema: topicRecordSchema, version: 0 },
  partition: { schema: partitionRecordSchema, version: 2 },
  config: { schema: configRecordSchema, version: 0 },
  'remove-topic': { schema: removeTopicRecordSchema, version: 0 },
  'feature-level': { schema: featureLevelRecordSchema, version: 0 },
  'producer-ids': { schema: producerIdsRecordSchema, version: 0 },
  // Apache Kafka writes it at every change of a leader; this broker only reads it.
  'partition-change': { schema: partitionChangeRecordSchema, version: 2 },
};

const byRecordType = new Map(
  Object.entries(kinds).map(([type, kind]) => [kind.schema.recordType, { ...kind, type: type as keyof typeof kinds }]),
);

export function encodeMetadataRecord(record: WritableRecord): Uint8Array {
  const { schema, version } = kinds[record.type];
  const writer = new MessageWriter({ version, isFlexible: true }, 128);
  writer.unsignedVarint(frameVersion);
  writer.unsignedVarint(schema.recordType!);
  writer.unsignedVarint(version);
  schema.write(writer, record);
  return writer.finish();
}

/** @throws ThroughlineError CORRUPT_RECORD for bytes that are no such record */
export function decodeMetadataRecord(value: Uint8Array): MetadataRecord {
  const reader = new Reader(value, 0, value.length, 'CORRUPT_RECORD');
  reader.unsignedVarint();
  const apiKey = reader.unsignedVarint();
  const version = reader.unsignedVarint();
  const kind = byRecordType.get(apiKey);
  if (kind === undefined) return { type: 'other', apiKey };
  const range = { start: reader.position, code: 'CORRUPT_RECORD' } as const;
  try {
    const fields = kind.schema.read(new MessageReader(value, { version, isFlexible: true }, range));
    if (kind.type === 'partition') return partitionOf(fields as Read<KafkaPartitionRecord>);
    return { type: kind.type, ...(fields as object) } as MetadataRecord;
  } catch (error) {
    // What is wrong with a part of it (a tagged field, a list) is said in the words of a request.
    throw new ThroughlineError('CORRUPT_RECORD', ThroughlineError.from(error).message, { cause: error });
  }
}

function partitionOf(record: Read<KafkaPartitionRecord>): PartitionRecord {
  const { leaderRecoveryState: _recovery, eligibleLeaderReplicas: _eligible, lastKnownElr: _known, ...kept } = record;
  return { type: 'partition', ...kept };
}
