// The records of `__consumer_offsets`, in Apache Kafka's own formats (GroupCoordinatorRecordHelpers): the key is an INT16 that
// says which kind it is, then OffsetCommitKey or GroupMetadataKey; the value is the INT16 of its version, then OffsetCommitValue
// or GroupMetadataValue; without a value it is the tombstone of its key. Other kinds are of group types that are not here.
import type { LogRecord, ProducerRecord } from '@throughline/event';
import { MessageReader, MessageWriter, type Read, type RecordSchema } from '@throughline/wire';
import {
  groupMetadataKeySchema,
  groupMetadataValueSchema,
  offsetCommitKeySchema,
  offsetCommitValueSchema,
  type GroupMetadataValue,
  type OffsetCommitValue,
} from '@throughline/wire/records';
import { GroupMember } from './group-member.ts';
import type { Group, GroupOrigin } from './group.ts';

/** Kinds of keys. 0 and 1 are both commits. */
const offsetCommitKind = 1;
const groupMetadataKind = 2;
/** What Apache Kafka 4.3 writes. Version 1 is the only one that can say when an offset expires. */
const offsetValueVersion = 4;
const expiringOffsetValueVersion = 1;
const groupValueVersion = 3;

/** An offset as a group has committed it. */
export interface CommittedOffset {
  readonly offset: bigint;
  /** -1 where the consumer did not say. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  readonly commitTimeMs: number;
  /** Of clients that still say how long to keep it (OffsetCommit 2–4). */
  readonly expireTimeMs: number | undefined;
  /** The topic's incarnation; undefined in records from before Kafka 4.2. */
  readonly topicId: string | undefined;
}

export type GroupRecord =
  | {
      readonly kind: 'offset';
      readonly groupId: string;
      readonly topic: string;
      readonly partition: number;
      readonly committed: CommittedOffset | null;
    }
  | { readonly kind: 'group'; readonly groupId: string; readonly origin: GroupOrigin | null }
  | { readonly kind: 'unknown' };

export function offsetRecord(
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset | null,
): ProducerRecord {
  const key = encode(offsetCommitKeySchema, offsetCommitKind, 0, { group, topic, partition });
  return { key, value: committed === null ? null : encodeOffset(committed) };
}

/** A group as it is now, its members with these assignments; null is its tombstone. */
export function groupRecord(
  groupId: string,
  kept: { readonly group: Group; readonly assignments: ReadonlyMap<string, Uint8Array> } | null,
): ProducerRecord {
  const key = encode(groupMetadataKeySchema, groupMetadataKind, 0, { group: groupId });
  return { key, value: kept === null ? null : encodeGroup(kept.group, kept.assignments) };
}

/** @throws ThroughlineError INVALID_ARGUMENT for bytes that are no record of this topic */
export function readGroupRecord({ key, value }: Pick<LogRecord, 'key' | 'value'>): GroupRecord {
  if (key === null) return { kind: 'unknown' };
  const kind = new MessageReader(key, { version: 0, isFlexible: false }).int16();
  if (kind === 0 || kind === offsetCommitKind) {
    const { group, topic, partition } = decode(offsetCommitKeySchema, key, 0);
    const committed = value === null ? null : committedOf(decode(offsetCommitValueSchema, value));
    return { kind: 'offset', groupId: group, topic, partition, committed };
  }
  if (kind === groupMetadataKind) {
    const { group } = decode(groupMetadataKeySchema, key, 0);
    return {
      kind: 'group',
      groupId: group,
      origin: value === null ? null : originOf(decode(groupMetadataValueSchema, value)),
    };
  }
  return { kind: 'unknown' };
}

function encodeOffset({
  offset,
  leaderEpoch,
  metadata,
  commitTimeMs,
  expireTimeMs,
  topicId,
}: CommittedOffset): Uint8Array {
  const version = expireTimeMs === undefined ? offsetValueVersion : expiringOffsetValueVersion;
  return encode(offsetCommitValueSchema, version, version, {
    offset,
    leaderEpoch,
    metadata,
    commitTimestamp: BigInt(commitTimeMs),
    ...(expireTimeMs !== undefined && { expireTimestamp: BigInt(expireTimeMs) }),
    ...(topicId !== undefined && { topicId }),
  });
}

function committedOf(value: Read<OffsetCommitValue>): CommittedOffset {
  return {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimeMs: Number(value.commitTimestamp),
    expireTimeMs: value.expireTimestamp < 0n ? undefined : Number(value.expireTimestamp),
    topicId: /^0*$/.test(value.topicId) ? undefined : value.topicId,
  };
}

function encodeGroup(group: Group, assignments: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const members = Array.from(group.members.values(), (member) => ({
    ...member.identity,
    rebalanceTimeout: member.terms.rebalanceTimeoutMs,
    sessionTimeout: member.terms.sessionTimeoutMs,
    subscription: member.metadata(group.protocolName),
    assignment: assignments.get(member.memberId) ?? new Uint8Array(0),
  }));
  return encode(groupMetadataValueSchema, groupValueVersion, groupValueVersion, {
    protocolType: group.protocolType ?? '',
    generation: group.generationId,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: BigInt(group.stateSinceMs ?? -1),
    members,
  });
}

function originOf(value: Read<GroupMetadataValue>): GroupOrigin {
  const { generation, protocol, protocolType, leader, currentStateTimestamp } = value;
  const members = value.members.map((one) => {
    const { memberId, groupInstanceId, clientId, clientHost, sessionTimeout, subscription } = one;
    const rebalanceTimeoutMs = one.rebalanceTimeout === -1 ? sessionTimeout : one.rebalanceTimeout;
    const protocols = protocol === null ? [] : [{ name: protocol, metadata: new Uint8Array(subscription) }];
    return new GroupMember(
      { memberId, groupInstanceId, clientId, clientHost },
      { protocols, rebalanceTimeoutMs, sessionTimeoutMs: sessionTimeout },
      new Uint8Array(one.assignment),
    );
  });
  return {
    generationId: generation,
    protocolType: protocolType === '' ? null : protocolType,
    protocolName: protocol,
    leaderId: leader,
    stateSinceMs: currentStateTimestamp === -1n ? undefined : Number(currentStateTimestamp),
    members,
  };
}

/** `prefix`: the kind of a key, or the version of a value. */
function encode<Value>(schema: RecordSchema<Value>, prefix: number, version: number, value: Value): Uint8Array {
  const to = new MessageWriter({ version, isFlexible: version >= schema.flexibleFrom }, 256);
  to.int16(prefix);
  schema.write(to, value);
  return to.finish();
}

/** A value begins with its version; the one version of a key has to be named. */
function decode<Value>(schema: RecordSchema<Value>, bytes: Uint8Array, keyVersion?: number): Read<Value> {
  // A version above those known can be read as the highest known one: what is new in it comes as tagged fields.
  const stored = new MessageReader(bytes, { version: 0, isFlexible: false }).int16();
  const version = keyVersion ?? Math.min(stored, schema.versionMax);
  return schema.read(new MessageReader(bytes, { version, isFlexible: version >= schema.flexibleFrom }, { start: 2 }));
}
