// Every default of the gateway, with its unit and the reason for its value.

/** The largest request body in bytes: a long conversation in full is some 100 KB; more is a mistake or an attack. */
export const bodyBytesMax = 1024 * 1024;
/** Longest wait of a long-poll read, in milliseconds: below the minute at which proxies cut idle requests. */
export const longPollMs = 30_000;
/** Silence after which an open stream gets a comment, in milliseconds: proxies cut idle streams after 30 to 60 s. */
export const heartbeatMs = 15_000;
/** Bytes that may wait for a slow reader before it falls back to reading the log: a few seconds of text. */
export const readerQueueBytes = 256 * 1024;
/** Folded conversations that stay in memory, measured by the bytes of their records: a few hundred long ones. */
export const conversationCacheBytes = 64 * 1024 * 1024;
/** Folded conversations that stay in memory, counted: each costs some kilobytes even when it is empty. */
export const conversationCacheCount = 1_000;
/**
 * Foreign records that a range of the stream index may span: reading about as many records costs as much as one
 * more read.
 */
export const rangeGapRecords = 64;
/** Bytes of one read while a conversation is loaded or an event reader catches up: a segment's worth of a long reply. */
export const readBytes = 1024 * 1024;
/** Conversations of one page of the list: more than a screen, little enough to answer at once. */
export const pageLimit = 50;
/** The largest page that may be asked for. */
export const pageLimitMax = 500;
/** Rows that a statement may return unless it asks for fewer, and at most. */
export const sqlRowsMax = 1_000;
export const sqlRowsLimit = 10_000;
/** Records that wait for the reader of a followed topic at most, in one page. */
export const followBatchRecordsMax = 1_000;
/** Records of one answer of `GET /v1/topics/:topic/records` unless it follows. */
export const recordsLimit = 1_000;
/** How long a reply that was superseded waits for the run that goes on, in milliseconds: both are written together. */
export const siblingWaitMs = 30_000;
/** How long a clean stop may take before open connections are destroyed, in milliseconds. */
export const closeWithinMs = 1_000;
/** Bounds of the first-token histogram, in seconds, as Prometheus counts them. */
export const firstTokenBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Runs of one conversation that may be going on at once: a person with a few branches, and not a loop. */
export const liveRunsMax = 16;
/** Streams that may be open at once: a file descriptor and some kilobytes each. */
export const openStreamsMax = 10_000;
/** How long the conversation index gathers records before it commits, in milliseconds: nobody but the list waits for it. */
export const indexCommitMs = 10;
/** How long to wait before reading the log again after it failed, in milliseconds. */
export const tailRetryMs = 250;
/** How often the gateway looks whether its topic is still there, in milliseconds: a request or two of a cluster. */
export const topicCheckMs = 2_000;
/** How long before a crash that was asked for, in milliseconds: long enough for the answer to leave the machine. */
export const crashAfterMs = 50;
/** How long an answer waits for the conversation index at most, in milliseconds: it is some 10 ms behind, but for a replay. */
export const indexWaitMs = 2_000;
/** How long an append waits to be handed on by the live tail, in milliseconds: longer means that the log cannot be read. */
export const handedOnWithinMs = 10_000;
/** Lines of the list that one commit may announce: more are a replay, which changes nothing that anybody was shown. */
export const changedSummariesMax = 2_000;
