// A topic comes and goes.
//
//   TopicRecord (2, version 0)        => name COMPACT_STRING, topicId UUID, tags
//   RemoveTopicRecord (9, version 0)  => topicId UUID, tags          its partitions and configs go with it
import type { RecordKind } from './record-kind.ts';

export interface TopicRecord {
  readonly type: 'topic';
  readonly name: string;
  /** 32 hexadecimal digits, as all ids here. */
  readonly topicId: string;
}

export const topicRecord: RecordKind<TopicRecord> = {
  type: 'topic',
  apiKey: 2,
  version: 0,
  read: (from) => ({ type: 'topic', name: from.compactString(), topicId: from.uuid() }),
  write: (to, { name, topicId }) => {
    to.compactString(name);
    to.uuid(topicId);
    to.taggedFields();
  },
};

export interface RemoveTopicRecord {
  readonly type: 'remove-topic';
  readonly topicId: string;
}

export const removeTopicRecord: RecordKind<RemoveTopicRecord> = {
  type: 'remove-topic',
  apiKey: 9,
  version: 0,
  read: (from) => ({ type: 'remove-topic', topicId: from.uuid() }),
  write: (to, { topicId }) => {
    to.uuid(topicId);
    to.taggedFields();
  },
};
