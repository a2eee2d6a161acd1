// `topics.json`, the list of topics in folders of format 1, read so that such a folder can be opened:
//
//   { "format": 1,
//     "topics":   [{ "topic", "topicId", "partitionCount", "config" }],
//     "deleting": [{ "topic", "topicId", "partitionCount" }] }
import {
  array,
  fromUtf8,
  literal,
  nullable,
  number,
  object,
  parse,
  string,
  ThroughlineError,
} from '@throughline/event';
import type { Disk } from '../disk/disk.ts';
import { settingsOf } from '../ground/topic-config.ts';
import type { StoredTopic } from './metadata-state.ts';
import type { TopicOverrides } from './topic-configs.ts';

export const legacyTopicsFile = 'topics.json';
const format = 1;

const configSchema = object({
  durability: literal('memory', 'os', 'fsync'),
  retentionMs: nullable(number()),
  retentionBytes: nullable(number()),
  segmentBytes: number(),
  recordBytesMax: number(),
});
const idSchema = string({ pattern: /^[0-9a-f]{32}$/, what: '32 hexadecimal digits' });
const topicProperties = { topic: string(), topicId: idSchema, partitionCount: number({ min: 1 }) };
const fileSchema = object({
  topics: array(object({ ...topicProperties, config: configSchema })),
  deleting: array(object(topicProperties)),
});

export interface LegacyTopics {
  readonly topics: readonly StoredTopic[];
  /** Topics on their way out: their folders may still be there. */
  readonly deleting: readonly StoredTopic[];
}

/**
 * Reads the list; undefined when there is none.
 *
 * @throws ThroughlineError DATA_FORMAT_UNSUPPORTED
 */
export async function readLegacyTopics(disk: Disk, folder: string): Promise<LegacyTopics | undefined> {
  const bytes = await disk.readFile(`${folder}/${legacyTopicsFile}`);
  if (bytes === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(bytes));
  } catch (error) {
    throw unsupported(folder, `its ${legacyTopicsFile} is no JSON`, error);
  }
  const found = (json as { format?: unknown } | null)?.format;
  if (found !== format) {
    throw unsupported(folder, `it has format ${JSON.stringify(found)}, this version reads topic lists of ${format}`);
  }
  const { topics, deleting } = parse(fileSchema, json, 'DATA_FORMAT_UNSUPPORTED');
  return {
    topics: topics.map(({ config, ...topic }) => ({ ...topic, overrides: overridesOf(config) })),
    deleting: deleting.map((topic) => ({ ...topic, overrides: new Map() })),
  };
}

function overridesOf(config: Parameters<typeof settingsOf>[0]): TopicOverrides {
  return new Map(
    Array.from(settingsOf(config)).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  );
}

function unsupported(folder: string, why: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${folder}: ${why}`, { cause, details: { folder } });
}
