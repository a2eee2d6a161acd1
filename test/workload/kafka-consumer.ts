// A consumer of partitions that it assigns to itself: Fetch with a session (KIP-227) or without, ListOffsets for the ends.
import { fetchApi, listOffsetsApi } from '@throughline/wire/apis';
import type { SeenRecord } from '../checker/history.ts';
import { recordsIn } from './batches.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { checkError, type KafkaConnection } from './kafka-connection.ts';
import type { ConsumerPort } from './ports.ts';

/** What a node remembers of this consumer. */
interface Session {
  readonly id: number;
  epoch: number;
  /** The offsets it was told last, by partition. */
  readonly offsets: Map<number, number>;
}

export interface KafkaConsumerOptions {
  readonly usesSessions: boolean;
  /** How long a poll waits for something to come, in milliseconds. */
  readonly waitMs: number;
  readonly partitionBytesMax: number;
}

export class KafkaConsumer implements ConsumerPort {
  protected readonly cluster: KafkaCluster;
  readonly #options: KafkaConsumerOptions;
  readonly #sessions = new Map<KafkaConnection, Session>();

  constructor(cluster: KafkaCluster, options: KafkaConsumerOptions) {
    this.cluster = cluster;
    this.#options = options;
  }

  async poll(positions: ReadonlyMap<number, number>): Promise<readonly SeenRecord[]> {
    try {
      const byNode = new Map<KafkaConnection, Map<number, number>>();
      for (const [partition, offset] of positions) {
        const connection = await this.cluster.leader(partition);
        const there = byNode.get(connection);
        if (there === undefined) byNode.set(connection, new Map([[partition, offset]]));
        else there.set(partition, offset);
      }
      // A real consumer keeps what it has fetched of one node while another one fails; this one fetches it again.
      const found = await Promise.all(Array.from(byNode, ([connection, wanted]) => this.#fetch(connection, wanted)));
      return found.flat();
    } catch (error) {
      this.cluster.forget();
      this.#sessions.clear();
      throw error;
    }
  }

  async #fetch(connection: KafkaConnection, wanted: ReadonlyMap<number, number>): Promise<readonly SeenRecord[]> {
    const { topic } = this.cluster.options;
    const { usesSessions, waitMs, partitionBytesMax } = this.#options;
    const session = this.#sessions.get(connection);
    const told = session?.offsets ?? new Map<number, number>();
    const partitions = Array.from(wanted)
      .filter(([partition, offset]) => told.get(partition) !== offset)
      .map(([partition, offset]) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: BigInt(offset),
        partitionMaxBytes: partitionBytesMax,
      }));
    const forgotten = Array.from(told.keys()).filter((partition) => !wanted.has(partition));
    const request = {
      replicaId: -1,
      maxWaitMs: waitMs,
      minBytes: 1,
      maxBytes: partitionBytesMax * 2,
      sessionId: session?.id ?? 0,
      sessionEpoch: usesSessions ? (session?.epoch ?? 0) : -1,
      topics: partitions.length === 0 ? [] : [{ topic, partitions }],
      forgottenTopicsData: forgotten.length === 0 ? [] : [{ topic, partitions: forgotten }],
    };
    const answer = await connection.call(fetchApi, 12, request, waitMs);
    checkError(answer.errorCode, 'Fetch');
    if (usesSessions && answer.sessionId !== 0) {
      this.#sessions.set(connection, {
        id: answer.sessionId,
        epoch: (session?.epoch ?? 0) + 1,
        offsets: new Map(wanted),
      });
    }
    return answer.responses.flatMap((one) =>
      one.partitions.flatMap(({ partitionIndex, errorCode, records }) => {
        checkError(errorCode, `Fetch of partition ${partitionIndex}`);
        return recordsIn(records ?? new Uint8Array(), partitionIndex, wanted.get(partitionIndex) ?? 0);
      }),
    );
  }

  async ends(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { topic } = this.cluster.options;
    const found = new Map<number, number>();
    for (const partitionIndex of partitions) {
      const connection = await this.cluster.leader(partitionIndex);
      const topics = [{ name: topic, partitions: [{ partitionIndex, currentLeaderEpoch: -1, timestamp: -1n }] }];
      const answer = await connection.call(listOffsetsApi, 6, { replicaId: -1, isolationLevel: 0, topics });
      const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
      if (errorCode !== 'NONE') this.cluster.forget();
      checkError(errorCode, 'ListOffsets');
      found.set(partitionIndex, Number(offset));
    }
    return found;
  }

  close(): void {
    this.cluster.close();
  }
}
