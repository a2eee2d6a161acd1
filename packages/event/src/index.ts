// Public surface of the ground floor.
export { delay, delayOrAbort, systemClock, type Clock, type Timer } from './clock.ts';
export { markHandled, valueUnlessFailed } from './mark-handled.ts';
export { Turns } from './turns.ts';
export { integerBetween, seededRandom, systemRandom, type Random } from './random.ts';
export { guardedClock, listening, reportDefect, unattended } from './unattended.ts';
export { silentLogger, type LogFields, type Logger } from './logger.ts';
export { isUlid, ulids, ulidTimeMs } from './ulid.ts';
export { assert, ThroughlineError, type ErrorBody, type ThroughlineErrorOptions } from './errors.ts';
export { errorTable, type ErrorCode, type ErrorEntry } from './error-table.ts';
export {
  fromUtf8,
  utf8,
  type LogRecord,
  type ProducerRecord,
  type RecordHeader,
  type RecordPosition,
  type RecordTime,
} from './record.ts';
export {
  array,
  boolean,
  either,
  literal,
  nullable,
  number,
  object,
  optional,
  parse,
  parseExact,
  record,
  string,
  unknown,
  type OutputOf,
  type Schema,
  type StandardResult,
  type StandardSchema,
} from './schema.ts';
export { isTime, parseInstant, parseMilliseconds, timestampJson, timestampText } from './instant.ts';
export { isTooDeep, jsonDepthMax } from './json-depth.ts';
export { eventFromJson, eventToJson } from './event-json.ts';
export { fromRecord, toRecord, type EventHeaders, type Placed, type RawEvent } from './envelope.ts';
export { conversationOf, conversationStream, idSchema, titleFrom, titleSchema } from './conversation-events.ts';
export { usageSchema, type UiChunk } from './run-events.ts';
export {
  eventFromRecord,
  eventSchemas,
  isEventType,
  narrowEvent,
  narrowNewEvent,
  type EventOf,
  type EventType,
  type PayloadOf,
  type PlacedEvent,
  type ThroughlineEvent,
} from './events.ts';
export {
  reduceRun,
  runFrom,
  type Attempt,
  type Run,
  type RunEnd,
  type RunOutcome,
  type RunPhase,
  type RunVerdict,
} from './reduce-run.ts';
export {
  closeTexts,
  messageParts,
  textOf,
  toUiPart,
  type MessageParts,
  type PartsChange,
  type UiPart,
} from './message-parts.ts';
export { parsePartialJson } from './partial-json.ts';
export { reduceParts } from './reduce-parts.ts';
export {
  emptyConversation,
  reduceConversation,
  replyOf,
  toUiMessage,
  type Change,
  type Conversation,
  type MessageNode,
  type MessageRole,
  type UiMessage,
} from './reduce-conversation.ts';
export { pathTo, siblingsOf, visiblePath } from './conversation-tree.ts';
export { conversationFromSnapshot, snapshotOf } from './conversation-snapshot.ts';
