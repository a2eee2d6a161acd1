// What is known of the messages of queues beside their topics, kept on topic `_throughline.queues`: how often each was received, and
// which of them are deleted behind one that is not. The last record of a message holds:
//
//   key     <group> <topic id> <partition> <offset>, with line breaks in between
//   value   { "received": 2, "firstMs": …, "lastMs": … }    it was received so often, and is hidden for a while from lastMs on
//           { "deleted": true }                             it is done
//
// A start reads them from the oldest that still matters; the commits of the queue's group say where that is (`receiptsFrom`).
//
// A receipt is on the log before the function is called, a deletion after its answer. So the count of receives is never too low;
// it is one too high for a message whose server was killed in between.
import {
  boolean,
  fromUtf8,
  number,
  object,
  optional,
  parse,
  ThroughlineError,
  utf8,
  type Logger,
  type LogRecord,
  type ProducerRecord,
} from '@throughline/event';
import type { Log } from '@throughline/log';
import { queueLimits, queuesTopic } from '../../defaults.ts';

/** What is known of a message, and where on the topic that stands. */
export interface KnownMessage {
  readonly said: Received | 'deleted';
  readonly at: bigint;
}

export type Received = { readonly received: number; readonly firstMs: number; readonly lastMs: number };

/** A partition of a queue's topic, as one group sees it. */
export interface QueuePlace {
  readonly group: string;
  readonly topicId: string;
  readonly partition: number;
}

const count = number({ min: 0, integer: true });
const schema = object({
  received: optional(count),
  firstMs: optional(count),
  lastMs: optional(count),
  deleted: optional(boolean()),
});

export class Receipts {
  readonly #log: Log;
  readonly #logger: Logger;
  #partitionCount: Promise<number> | undefined;

  constructor(log: Log, logger: Logger) {
    this.#log = log;
    this.#logger = logger;
  }

  /**
   * Reads what is known of the messages of a partition, by their offsets.
   *
   * @param from where the oldest record stands that matters; all are read where it is not known
   * @returns also where the topic ends
   * @throws ThroughlineError what the log says
   */
  async of(
    place: QueuePlace,
    from: bigint | undefined,
  ): Promise<{ readonly known: Map<bigint, KnownMessage>; readonly end: bigint }> {
    const partition = await this.#partitionOf(place);
    const { partitions } = await this.#log.admin.describeTopic(queuesTopic);
    const { logStartOffset, highWatermark } = partitions[partition]!;
    const known = new Map<bigint, KnownMessage>();
    // The topic may have been made again, and be shorter now.
    let offset = from !== undefined && from >= logStartOffset && from <= highWatermark ? from : logStartOffset;
    while (offset < highWatermark) {
      const { records, nextOffset } = await this.#log.read({ topic: queuesTopic, partition, offset });
      if (nextOffset <= offset) break;
      for (const record of records) {
        const message = messageOf(record, place);
        const said = message === undefined ? undefined : this.#read(record);
        if (message !== undefined && said !== undefined) known.set(message, { said, at: record.offset });
      }
      offset = nextOffset;
    }
    return { known, end: highWatermark };
  }

  /**
   * Keeps what became of messages, by their offsets.
   *
   * @returns where each stands now, in their order
   * @throws ThroughlineError what the log says
   */
  async put(place: QueuePlace, changes: readonly (readonly [bigint, KnownMessage['said']])[]): Promise<bigint[]> {
    const partition = await this.#partitionOf(place);
    const records = changes.map(([offset, said]): ProducerRecord => {
      const value = utf8(JSON.stringify(said === 'deleted' ? { deleted: true } : said));
      return { partition, key: utf8(`${prefixOf(place)}${offset}`), value };
    });
    return (await this.#log.append(queuesTopic, records)).map(({ offset }) => offset);
  }

  #read({ value }: LogRecord): KnownMessage['said'] | undefined {
    try {
      const {
        deleted,
        received,
        firstMs = 0,
        lastMs = 0,
      } = parse(schema, JSON.parse(fromUtf8(value ?? new Uint8Array())), 'INVALID_EVENT');
      if (deleted === true) return 'deleted';
      return received === undefined ? undefined : { received, firstMs, lastMs };
    } catch (thrown) {
      // Any client can append to the topic.
      const reason = ThroughlineError.from(thrown).message;
      this.#logger.error({ topic: queuesTopic, reason }, 'a record is no receipt: skipped');
      return undefined;
    }
  }

  async #partitionOf({ partition }: QueuePlace): Promise<number> {
    this.#partitionCount ??= this.#make();
    try {
      return partition % (await this.#partitionCount);
    } catch (thrown) {
      this.#partitionCount = undefined;
      throw thrown;
    }
  }

  /** Makes the topic where it is missing. @returns the number of its partitions */
  async #make(): Promise<number> {
    const { admin } = this.#log;
    try {
      const config = { retentionMs: queueLimits.receiptRetentionMs, retentionBytes: null };
      return (await admin.createTopic(queuesTopic, { partitions: queueLimits.partitionCount, config })).partitions
        .length;
    } catch (thrown) {
      if (!ThroughlineError.is(thrown, 'TOPIC_EXISTS')) throw thrown;
      return (await admin.describeTopic(queuesTopic)).partitions.length;
    }
  }
}

function prefixOf({ group, topicId, partition }: QueuePlace): string {
  return `${group}\n${topicId}\n${partition}\n`;
}

/** The offset of the message that a record is about; undefined where that is none of the place. */
function messageOf({ key }: LogRecord, place: QueuePlace): bigint | undefined {
  const prefix = prefixOf(place);
  const text = key === null ? '' : fromUtf8(key);
  const offset = text.slice(prefix.length);
  return text.startsWith(prefix) && /^\d{1,19}$/.test(offset) ? BigInt(offset) : undefined;
}
