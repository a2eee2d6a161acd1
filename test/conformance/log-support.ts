// What the parts of the Log port's conformance suite share.
import assert from 'node:assert/strict';
import {
  fromUtf8,
  ThroughlineError,
  utf8,
  type ErrorCode,
  type LogRecord,
  type ProducerRecord,
} from '@throughline/event';
import type { AppendAck, Log, TailStep, TopicConfig } from '@throughline/log';

/** A log that the suite may do anything with. */
export interface LogUnderTest {
  readonly log: Log;
  /** Opens the same log again after it has been closed; absent where nothing outlives the close. */
  readonly reopen?: () => Promise<LogUnderTest>;
  /** Removes what is left once the log is closed. */
  readonly dispose: () => Promise<void>;
}

/**
 * What a log can do with record batches: it has none; it shows them (a cluster); it also takes those of another log, looks at
 * conditions, and can be sealed (the embedded log).
 */
export type BatchPowers = 'none' | 'read' | 'place';

/** What the claims are made about. */
export interface Subject {
  /** Shared by all claims; none closes it. */
  readonly log: Log;
  /** Goes into every topic. */
  readonly config: Partial<TopicConfig>;
  /** A name that no topic has. */
  readonly uniqueTopic: () => string;
  /** A fresh topic, so that no claim sees another's records. */
  readonly newTopic: (partitions?: number, config?: Partial<TopicConfig>) => Promise<string>;
  /** Another log, for claims that close it. */
  readonly makeLog: () => Promise<LogUnderTest>;
  /** Whether the log outlives its close. */
  readonly reopens: boolean;
  readonly batches: BatchPowers;
}

export function appendTexts(log: Log, topic: string, ...texts: readonly string[]): Promise<readonly AppendAck[]> {
  return log.append(topic, texts.map(textRecord));
}

/** A record of a text, without a key. */
export function textRecord(text: string): ProducerRecord {
  return { key: null, value: utf8(text) };
}

export function texts(records: readonly LogRecord[]): string[] {
  return records.map(({ value }) => fromUtf8(value!));
}

/** Everything in a partition, read step by step to its end. */
export async function readAll(log: Log, topic: string, partition = 0, bytesMax?: number): Promise<LogRecord[]> {
  const all: LogRecord[] = [];
  for (let offset = 0n; ;) {
    const bound = bytesMax === undefined ? {} : { bytesMax };
    const { records, nextOffset, highWatermark } = await log.read({ topic, partition, offset, ...bound });
    for (const record of records) all.push(record);
    if (nextOffset === highWatermark) return all;
    assert.ok(nextOffset > offset, `a read at ${offset} of ${highWatermark} gets on`);
    offset = nextOffset;
  }
}

/** The first `count` records of a tail. */
export async function collect(
  log: Log,
  topic: string,
  request: Pick<Parameters<Log['tail']>[0], 'from' | 'partitions'>,
  count: number,
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const step of log.tail({ topic, ...request })) {
    records.push(...step.records);
    if (records.length >= count) break;
  }
  assert.equal(records.length, count);
  return records;
}

/** All steps of a tail, once it has ended. */
export async function untilEnd(tail: AsyncIterable<TailStep>): Promise<TailStep[]> {
  const steps: TailStep[] = [];
  for await (const step of tail) steps.push(step);
  return steps;
}

export async function first(tail: AsyncIterable<TailStep>): Promise<TailStep | undefined> {
  for await (const step of tail) return step;
  return undefined;
}

/** Records whose bytes are their own: what is read may be views of a larger buffer. */
export function copied(records: readonly LogRecord[]): LogRecord[] {
  return plain(records).map((record) => ({
    ...record,
    key: record.key && record.key.slice(),
    value: record.value && record.value.slice(),
  }));
}

/** Records of plain arrays and objects, whatever the adapter makes them of. */
export function plain(records: readonly LogRecord[]): LogRecord[] {
  return records.map(({ topic, partition, offset, timestampMs, key, value, headers }) => ({
    topic,
    partition,
    offset,
    timestampMs,
    key: key && new Uint8Array(key),
    value: value && new Uint8Array(value),
    headers: headers.map((header) => ({ key: header.key, value: header.value && new Uint8Array(header.value) })),
  }));
}

/** Expects a rejection with `code` and returns it. */
export async function rejected(action: Promise<unknown>, code: ErrorCode): Promise<ThroughlineError> {
  try {
    await action;
  } catch (error) {
    assert.ok(ThroughlineError.is(error), `a coded error, not ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}`);
}
