// What has changed of a partition. Apache Kafka writes it at every change of a leader; this broker only reads it.
//
//   PartitionChangeRecord (5, versions 0-2) => partitionId INT32, topicId UUID, tags:
//     0 isr [INT32]   1 leader INT32   2 replicas [INT32]   3 removingReplicas [INT32]   4 addingReplicas [INT32]
//     and others that mean nothing where there is one replica
import { Reader } from '@throughline/wire';
import type { ReadableRecordKind } from './record-kind.ts';

export interface PartitionChangeRecord {
  readonly type: 'partition-change';
  readonly partitionId: number;
  readonly topicId: string;
  /** Undefined where nothing has changed, here and below. A change of the leader, to none also, begins a new epoch. */
  readonly leader: number | undefined;
  readonly replicas: readonly number[] | undefined;
  readonly removingReplicas: readonly number[] | undefined;
  readonly addingReplicas: readonly number[] | undefined;
}

const noLeaderChange = -2;

export const partitionChangeRecord: ReadableRecordKind<PartitionChangeRecord> = {
  type: 'partition-change',
  apiKey: 5,
  read: (from) => {
    const partitionId = from.int32();
    const topicId = from.uuid();
    const tags = new Map<number, Reader>();
    from.taggedFields((tag, bytes) => tags.set(tag, new Reader(bytes, 0, bytes.length, 'CORRUPT_RECORD')));
    const int32s = (tag: number): number[] | undefined => {
      const field = tags.get(tag);
      return field?.compactNullableArray(() => field.int32()) ?? undefined;
    };
    const leader = tags.get(1)?.int32() ?? noLeaderChange;
    return {
      type: 'partition-change',
      partitionId,
      topicId,
      leader: leader === noLeaderChange ? undefined : leader,
      replicas: int32s(2),
      removingReplicas: int32s(3),
      addingReplicas: int32s(4),
    };
  },
};
