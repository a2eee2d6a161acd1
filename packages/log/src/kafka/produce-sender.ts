// The append requests to one broker. A broker answers a connection's requests one after the other, and with acks=all each
// may wait for replicas; so the batches of all partitions that are ready go out in one request, and what becomes ready
// meanwhile goes out with the next. A partition gives one batch at a time, hence no two requests hold the same partition.
import type { Read } from '@throughline/wire';
import {
  produceApi,
  type PartitionProduceData,
  type PartitionProduceResponse,
  type TopicProduceData,
} from '@throughline/wire/apis';
import type { KafkaLogLimits } from '../defaults.ts';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { failureOf } from '../port/failures.ts';

export type ProduceAnswer = Read<PartitionProduceResponse>;

interface Waiting {
  readonly metadata: TopicLeaders;
  readonly partition: number;
  readonly batch: Uint8Array;
  readonly resolve: (answer: ProduceAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Kafka's acks=all: every in-sync replica has it. */
const acksAll = -1;

export class ProduceSender {
  readonly #cluster: Cluster;
  readonly #broker: number;
  readonly #limits: KafkaLogLimits;
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #isScheduled = false;

  constructor(cluster: Cluster, broker: number, limits: KafkaLogLimits) {
    this.#cluster = cluster;
    this.#broker = broker;
    this.#limits = limits;
  }

  /**
   * Sends a batch once and gives the broker's answer for it.
   *
   * @throws ThroughlineError LOG_UNREACHABLE when none came: the batch may be kept or not
   */
  send(metadata: TopicLeaders, partition: number, batch: Uint8Array): Promise<ProduceAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ metadata, partition, batch, resolve, reject });
      this.#schedule();
    });
  }

  /** At the end of the turn: other partitions may have a batch by then. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => {
      this.#isScheduled = false;
      while (this.#waiting.length > 0 && this.#inFlight < this.#limits.produceInFlightMax)
        void this.#send(this.#next());
    });
  }

  /** As many batches as one request takes, at least one. */
  #next(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#waiting) {
      if (count > 0 && bytes + batch.length > this.#limits.produceBytesMax) break;
      bytes += batch.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(sent: readonly Waiting[]): Promise<void> {
    this.#inFlight++;
    try {
      const { responses } = await this.#cluster.request(this.#broker, 'append', produceApi, {
        acks: acksAll,
        timeoutMs: this.#limits.requestMs,
        topicData: topicDataOf(sent),
      });
      for (const { metadata, partition, resolve, reject } of sent) {
        const answer = responses
          .find(({ name, topicId }) => name === metadata.topic || (name === '' && topicId === metadata.topicId))
          ?.partitionResponses.find(({ index }) => index === partition);
        if (answer !== undefined) resolve(answer);
        else reject(failureOf('NETWORK_EXCEPTION', `append to ${metadata.topic}-${partition}`, 'no answer'));
      }
    } catch (error) {
      for (const { reject } of sent) reject(error);
    } finally {
      this.#inFlight--;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}

/** By topic and incarnation; older versions read the name, newer ones the id. */
function topicDataOf(sent: readonly Waiting[]): TopicProduceData[] {
  const byTopic = new Map<string, { name: string; topicId: string; partitionData: PartitionProduceData[] }>();
  for (const { metadata, partition, batch } of sent) {
    const { topic: name, topicId } = metadata;
    const key = `${name} ${topicId}`;
    let topic = byTopic.get(key);
    if (topic === undefined) byTopic.set(key, (topic = { name, topicId, partitionData: [] }));
    topic.partitionData.push({ index: partition, records: batch });
  }
  return [...byTopic.values()];
}
