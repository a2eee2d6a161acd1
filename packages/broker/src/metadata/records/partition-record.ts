// A partition: where its replicas are and which of them leads.
//
//   PartitionRecord (3, version 2) =>
//     partitionId INT32, topicId UUID, replicas [INT32], isr [INT32], removingReplicas [INT32], addingReplicas [INT32],
//     leader INT32, leaderEpoch INT32, partitionEpoch INT32, directories [UUID] (1+), tags
//
// Of the tags nothing is read: eligible leader replicas and recovery states mean nothing where there is one replica.
import type { RecordKind } from './record-kind.ts';

export interface PartitionRecord {
  readonly type: 'partition';
  readonly partitionId: number;
  readonly topicId: string;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
  readonly removingReplicas: readonly number[];
  readonly addingReplicas: readonly number[];
  readonly leader: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  /** The data folder of each replica, by its id. */
  readonly directories: readonly string[];
}

export const partitionRecord: RecordKind<PartitionRecord> = {
  type: 'partition',
  apiKey: 3,
  version: 2,
  read: (from, version) => ({
    type: 'partition',
    partitionId: from.int32(),
    topicId: from.uuid(),
    replicas: from.compactArray(() => from.int32()),
    isr: from.compactArray(() => from.int32()),
    removingReplicas: from.compactArray(() => from.int32()),
    addingReplicas: from.compactArray(() => from.int32()),
    leader: from.int32(),
    leaderEpoch: from.int32(),
    partitionEpoch: from.int32(),
    directories: version >= 1 ? from.compactArray(() => from.uuid()) : [],
  }),
  write: (to, record) => {
    const int32 = (value: number): void => to.int32(value);
    to.int32(record.partitionId);
    to.uuid(record.topicId);
    to.compactArray(record.replicas, int32);
    to.compactArray(record.isr, int32);
    to.compactArray(record.removingReplicas, int32);
    to.compactArray(record.addingReplicas, int32);
    to.int32(record.leader);
    to.int32(record.leaderEpoch);
    to.int32(record.partitionEpoch);
    to.compactArray(record.directories, (directory) => to.uuid(directory));
    to.taggedFields();
  },
};
