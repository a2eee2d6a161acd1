// What every adapter of the Log port is held to (packages/log/src/port/port.ts). It speaks the port only, so the same claims
// judge the model in memory, the embedded log at each durability, a broker of ours over TCP and Apache Kafka. A cluster is
// shared by whoever connects to it, so no claim relies on being alone there, and every topic has a name of its own.
import { after, before, describe } from 'node:test';
import type { Log, TopicConfig } from '@throughline/log';
import { adminClaims } from './log-admin.ts';
import { appendClaims } from './log-append.ts';
import { closeClaims } from './log-close.ts';
import { epochClaims } from './log-epochs.ts';
import { joinClaims } from './log-join.ts';
import { readClaims } from './log-read.ts';
import { batchClaims } from './log-batches.ts';
import { sealClaims } from './log-seal.ts';
import type { BatchPowers, LogUnderTest, Subject } from './log-support.ts';
import { tailClaims } from './log-tail.ts';

export interface ConformanceOptions {
  /** Goes into every topic, for instance the durability. */
  readonly config?: Partial<TopicConfig>;
  /** Whether the log outlives its close; `makeLog` then gives a way to open it again. */
  readonly reopens: boolean;
  readonly batches: BatchPowers;
}

/** Registers the suite's tests for one adapter. */
export function logConformance(
  name: string,
  makeLog: () => Promise<LogUnderTest>,
  { config = {}, reopens, batches }: ConformanceOptions,
): void {
  describe(`the Log port: ${name}`, () => {
    let made: LogUnderTest;
    let topicCount = 0;
    const suiteId = `${process.pid.toString(36)}-${Date.now().toString(36)}`;
    const uniqueTopic = (): string => `topic-${suiteId}-${++topicCount}`;
    const subject: Subject = {
      get log(): Log {
        return made.log;
      },
      config,
      makeLog,
      reopens,
      batches,
      uniqueTopic,
      newTopic: async (partitions = 1, more = {}) => {
        const topic = uniqueTopic();
        await made.log.admin.createTopic(topic, { partitions, config: { ...config, ...more } });
        return topic;
      },
    };
    before(async () => {
      made = await makeLog();
    });
    after(async () => {
      await made.log.close();
      await made.dispose();
    });
    appendClaims(subject);
    readClaims(subject);
    tailClaims(subject);
    adminClaims(subject);
    epochClaims(subject);
    batchClaims(subject);
    sealClaims(subject);
    joinClaims(subject);
    closeClaims(subject);
  });
}
