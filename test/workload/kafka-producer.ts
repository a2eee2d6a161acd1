// An idempotent producer (KIP-98) as the workload needs it: batches go out one after the other, several in flight, and are sent
// again with their sequence numbers until they are answered or time is up. After anything but success it begins anew with another
// producer id, as there is no telling what the broker has of the old one.
import { delay } from '@throughline/event';
import { isRetriableKafkaError, type KafkaErrorName } from '@throughline/wire';
import { initProducerIdApi, produceApi } from '@throughline/wire/apis';
import { batchOf } from './batches.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { checkError, type KafkaConnection } from './kafka-connection.ts';
import type { ProducerPort, SendResult } from './ports.ts';

interface Pending {
  readonly bytes: () => Uint8Array;
  /** It was sent before and not answered, or the answer left it open. */
  isUncertain: boolean;
  result: SendResult | undefined;
  note: string;
}

export class KafkaProducer implements ProducerPort {
  readonly #cluster: KafkaCluster;
  readonly #giveUpMs: number;
  #producer: { readonly id: bigint; readonly epoch: number } | undefined;
  #sequences = new Map<number, number>();

  /** `giveUpMs`: how long a send is tried, in milliseconds. */
  constructor(cluster: KafkaCluster, giveUpMs: number) {
    this.#cluster = cluster;
    this.#giveUpMs = giveUpMs;
  }

  /** Rejects while there is no broker. */
  async begin(): Promise<void> {
    const connection = await this.#cluster.bootstrap();
    const request = { transactionalId: null, transactionTimeoutMs: 0 };
    const { errorCode, producerId, producerEpoch } = await connection.call(initProducerIdApi, 4, request);
    checkError(errorCode, 'InitProducerId');
    this.#producer = { id: producerId, epoch: producerEpoch };
    this.#sequences = new Map();
  }

  async send(partition: number, batches: readonly (readonly number[])[]): Promise<readonly SendResult[]> {
    const { clock } = this.#cluster.options;
    const endMs = clock.monotonicMs() + this.#giveUpMs;
    try {
      if (this.#producer === undefined) await this.begin();
    } catch (error) {
      return batches.map(() => ({ outcome: 'fail', note: String(error) }));
    }
    const producer = this.#producer!;
    const pending = batches.map((values): Pending => {
      const baseSequence = this.#sequences.get(partition) ?? 0;
      this.#sequences.set(partition, baseSequence + values.length);
      const bytes = (): Uint8Array => batchOf(values, clock.nowMs(), { ...producer, baseSequence });
      return { bytes, isUncertain: false, result: undefined, note: '' };
    });
    const isOpen = ({ result }: Pending): boolean => result === undefined;
    while (pending.some(isOpen) && clock.monotonicMs() < endMs) {
      await this.#sendOpen(partition, pending.filter(isOpen));
      if (!pending.some(isOpen)) break;
      this.#cluster.forget();
      await delay(clock, 5);
    }
    const results = pending.map(({ result, isUncertain, note }): SendResult => {
      return result ?? { outcome: isUncertain ? 'info' : 'fail', note };
    });
    if (results.some(({ outcome }) => outcome !== 'ok')) this.#producer = undefined;
    return results;
  }

  close(): void {
    this.#cluster.close();
  }

  async #sendOpen(partition: number, open: readonly Pending[]): Promise<void> {
    let connection: KafkaConnection;
    try {
      connection = await this.#cluster.leader(partition);
    } catch (error) {
      for (const one of open) one.note = String(error);
      return;
    }
    await Promise.all(open.map((one, index) => this.#sendOne(connection, partition, one, index === 0)));
  }

  async #sendOne(connection: KafkaConnection, partition: number, one: Pending, isFirst: boolean): Promise<void> {
    const { topic } = this.#cluster.options;
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: one.bytes() }] }];
    try {
      const { responses } = await connection.call(produceApi, 11, { acks: -1, timeoutMs: 1000, topicData });
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
      this.#answered(one, errorCode, Number(baseOffset), isFirst);
    } catch (error) {
      one.isUncertain = true;
      one.note = String(error);
    }
  }

  #answered(one: Pending, errorCode: KafkaErrorName, baseOffset: number, isFirst: boolean): void {
    if (errorCode === 'NONE') {
      one.result = { outcome: 'ok', baseOffset };
      return;
    }
    one.note = errorCode;
    // Those behind a batch that was not taken are out of order until it is.
    const isBehind = errorCode === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && !isFirst;
    if (isBehind) return;
    if (isRetriableKafkaError(errorCode)) {
      one.isUncertain = true;
      return;
    }
    one.result = {
      outcome: one.isUncertain || errorCode === 'OUT_OF_ORDER_SEQUENCE_NUMBER' ? 'info' : 'fail',
      note: one.note,
    };
  }
}
