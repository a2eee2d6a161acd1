// The topic of conversations with the number of partitions that its conversations are found by. A broker of ours lets nobody
// change that number while the server runs. On a cluster anybody can add partitions, and on a folder whoever serves its log
// without the server: so the number is remembered in the data folder at the first use, and where there is no memory it is
// found out from the log.
//
//   <data-dir>/topics.json   { "conversations": { "topicId": "8c0f…", "partitionCount": 4 } }
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { conversationOf, number, object, parse, string, type Logger, type ThroughlineError } from '@throughline/event';
import {
  overLog,
  partitionCountOfStreams,
  topicGrown,
  withFixedPartitions,
  type FixedPartitions,
  type Log,
  type TopicDescription,
} from '@throughline/log';
import { conversationsTopic as topic } from '../defaults.ts';

export interface FixedTopic {
  readonly log: Log;
  /** The same log with every partition, for whoever reads topics as they are; what it appends is placed as through `log`. */
  readonly wholeLog: Log;
  /** What is not as it should be with the topic, and keeps nobody from working. */
  readonly warnings: () => readonly ThroughlineError[];
}

export interface FixedTopicOptions {
  readonly log: Log;
  readonly description: TopicDescription;
  readonly dataDir: string;
  /** Nobody can add partitions while the log is open. */
  readonly isProtected: boolean;
  readonly logger: Logger;
}

/** @throws ThroughlineError what reading the log throws */
export async function fixTopic(options: FixedTopicOptions): Promise<FixedTopic> {
  const { log, description, dataDir, isProtected, logger } = options;
  const remembered = recall(dataDir);
  const isKnown = remembered?.topicId === description.topicId;
  const partitionCount = isKnown
    ? Math.min(remembered.partitionCount, description.partitions.length)
    : await partitionCountOfStreams(log, description, (key) => conversationOf(key) !== undefined);
  const fixed = { topicId: description.topicId, partitionCount };
  if (!isKnown) remember(options, fixed);
  if (isProtected && partitionCount === description.partitions.length)
    return { log, wholeLog: log, warnings: () => [] };
  const view = withFixedPartitions({
    log,
    topic,
    fixed,
    onRemade: (made) => remember(options, made),
    onGrown: (count) => logger.warn(topicGrown(topic, view.fixed, count).toJSON(), 'somebody has added partitions'),
  });
  // It notices what has been added while the server was away.
  await view.admin.describeTopic(topic);
  return {
    log: view,
    wholeLog: overLog(log, { append: (...args) => view.append(...args) }),
    warnings: () =>
      view.partitionCount > view.fixed.partitionCount ? [topicGrown(topic, view.fixed, view.partitionCount)] : [],
  };
}

const schema = object({
  [topic]: object({ topicId: string(), partitionCount: number({ integer: true, min: 1 }) }),
});

const fileOf = (dataDir: string): string => path.join(dataDir, 'topics.json');

/** What is not there, or damaged, is found out again. */
function recall(dataDir: string): FixedPartitions | undefined {
  try {
    return parse(schema, JSON.parse(readFileSync(fileOf(dataDir), 'utf8')))[topic];
  } catch {
    return undefined;
  }
}

/** What cannot be written now (a full disk) is found out again at the next start. */
function remember({ dataDir, logger }: FixedTopicOptions, fixed: FixedPartitions): void {
  const temporary = `${fileOf(dataDir)}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify({ [topic]: fixed }, null, 2)}\n`);
    renameSync(temporary, fileOf(dataDir));
  } catch (error) {
    logger.warn({ reason: String(error) }, 'the number of partitions of conversations could not be remembered');
  }
}
