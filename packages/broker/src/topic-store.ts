// Which topics there are: `topics.json`, replaced whole with every change, so that a crash leaves the old list or the new.
//
//   { "format": 1,
//     "topics":   [{ "topic", "topicId", "partitionCount", "config" }],
//     "deleting": [{ "topic", "topicId", "partitionCount" }] }
//
// It is also the file that says which version of the data folder this is. What a crash can leave between this file and
// the partition folders (`<topic>-<n>`) is put right at the next start:
//   * a topic is created folders first, then listed: folders of an unlisted topic id that are empty are removed;
//   * it is deleted by moving it to `deleting`, removing the folders, and forgetting it: what is listed there is removed.
import {
  array,
  fromUtf8,
  literal,
  nullable,
  number,
  object,
  optional,
  parse,
  record,
  string,
  ThroughlineError,
  utf8,
  type OutputOf,
} from '@throughline/event';
import type { TopicOverrides } from './metadata/topic-configs.ts';
import { settingsOf } from './topic-config.ts';
import { replaceFile, type Disk } from './storage/disk.ts';

const format = 1;
const fileName = 'topics.json';

const configSchema = object({
  durability: literal('memory', 'os', 'fsync'),
  retentionMs: nullable(number()),
  retentionBytes: nullable(number()),
  segmentBytes: number(),
  recordBytesMax: number(),
});
const idSchema = string({ pattern: /^[0-9a-f]{32}$/, what: '32 hexadecimal digits' });
const storeSchema = object({
  topics: array(
    object({
      topic: string(),
      topicId: idSchema,
      partitionCount: number({ min: 1 }),
      config: optional(configSchema),
      settings: optional(record(string())),
    }),
  ),
  deleting: array(object({ topic: string(), topicId: idSchema, partitionCount: number({ min: 1 }) })),
});
type Stored = OutputOf<typeof storeSchema>;

/** A topic with what it says itself. */
export interface StoredTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly partitionCount: number;
  readonly overrides: TopicOverrides;
}

/** A topic on its way out. */
export type DeletedTopic = Stored['deleting'][number];

export class TopicStore {
  readonly #disk: Disk;
  readonly #folder: string;
  #stored: Stored;

  private constructor(disk: Disk, folder: string, stored: Stored) {
    this.#disk = disk;
    this.#folder = folder;
    this.#stored = stored;
  }

  /**
   * Reads the list, or begins one in a folder that holds no partitions.
   *
   * @throws ThroughlineError DATA_FORMAT_UNSUPPORTED
   */
  static async open(disk: Disk, folder: string): Promise<TopicStore> {
    const bytes = await disk.readFile(`${folder}/${fileName}`);
    if (bytes !== undefined) return new TopicStore(disk, folder, decode(folder, bytes));
    const partition = (await disk.list(folder)).find((name) => /-\d+$/.test(name));
    if (partition !== undefined) throw unsupported(folder, `it has ${partition} and no ${fileName}`);
    const store = new TopicStore(disk, folder, { topics: [], deleting: [] });
    await store.#save({ topics: [], deleting: [] });
    return store;
  }

  get topics(): readonly StoredTopic[] {
    return this.#stored.topics.map(({ config, settings = {}, ...topic }) => {
      const overrides = config === undefined ? new Map(Object.entries(settings)) : settingsOf(config);
      return { ...topic, overrides };
    });
  }

  get deleting(): readonly DeletedTopic[] {
    return this.#stored.deleting;
  }

  /** Adds a topic, or gives the one of this name another config. */
  put({ overrides, ...topic }: StoredTopic): Promise<void> {
    const others = this.#stored.topics.filter((other) => other.topic !== topic.topic);
    return this.#save({
      ...this.#stored,
      topics: [...others, { ...topic, settings: Object.fromEntries(overrides) }],
    });
  }

  beginDelete({ topic, topicId, partitionCount }: StoredTopic): Promise<void> {
    return this.#save({
      topics: this.#stored.topics.filter((other) => other.topicId !== topicId),
      deleting: [...this.#stored.deleting, { topic, topicId, partitionCount }],
    });
  }

  endDelete(topicId: string): Promise<void> {
    return this.#save({
      ...this.#stored,
      deleting: this.#stored.deleting.filter((other) => other.topicId !== topicId),
    });
  }

  async #save(stored: Stored): Promise<void> {
    await replaceFile(this.#disk, this.#folder, fileName, utf8(`${JSON.stringify({ format, ...stored }, null, 2)}\n`));
    this.#stored = stored;
  }
}

function decode(folder: string, bytes: Uint8Array): Stored {
  let json: unknown;
  try {
    json = JSON.parse(fromUtf8(bytes));
  } catch (error) {
    throw unsupported(folder, `its ${fileName} is no JSON`, error);
  }
  const found = (json as { format?: unknown } | null)?.format;
  if (found !== format)
    throw unsupported(folder, `it has format ${JSON.stringify(found)}, this version reads ${format}`);
  return parse(storeSchema, json, 'DATA_FORMAT_UNSUPPORTED');
}

function unsupported(folder: string, why: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${folder}: ${why}`, { cause, details: { folder } });
}
