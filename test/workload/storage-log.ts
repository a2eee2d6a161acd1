// The storage core as the workload uses it: no network, no groups. `openNow` answers with the broker that is open now, or throws.
import { delay, ThroughlineError, type Clock } from '@throughline/event';
import type { Broker } from '@throughline/broker';
import type { SeenRecord } from '../checker/history.ts';
import { batchOf, recordsIn } from './batches.ts';
import type { ConsumerPort, LogPort, ProducerPort, SendResult } from './ports.ts';

/** What certainly leaves nothing behind. */
const rejections: readonly string[] = ['OUT_OF_DISK', 'THROTTLED', 'RECORD_TOO_LARGE', 'INVALID_RECORD'];

/** A broker that is open now. */
export interface OpenBroker {
  readonly broker: Broker;
  /** Resolves when its process is killed: whoever waits for it then learns that it will not answer. */
  readonly whenDead: Promise<void>;
}

export function storageLog(openNow: () => OpenBroker, topic: string, clock: Clock): LogPort {
  const asked = <Result>(ask: (broker: Broker) => Promise<Result>): Promise<Result> => {
    const { broker, whenDead } = openNow();
    return Promise.race([ask(broker), whenDead.then(() => Promise.reject(new Error('the broker was killed')))]);
  };
  const producer: ProducerPort = {
    send: (partition, batches) =>
      Promise.all(
        batches.map(async (values): Promise<SendResult> => {
          try {
            const batch = batchOf(values, clock.nowMs());
            const { baseOffset } = await asked((broker) => broker.partition(topic, partition).append(batch));
            return { outcome: 'ok', baseOffset: Number(baseOffset) };
          } catch (error) {
            const isRejected = ThroughlineError.is(error) && rejections.includes(error.code);
            return { outcome: isRejected ? 'fail' : 'info', note: String(error) };
          }
        }),
      ),
    close: () => {},
  };
  const consumer: ConsumerPort = {
    async poll(positions) {
      const seen: SeenRecord[] = [];
      for (const [partition, offset] of positions) {
        try {
          const { batches } = await asked((broker) => broker.partition(topic, partition).read(BigInt(offset), 400));
          seen.push(...recordsIn(batches, partition, offset));
        } catch (error) {
          if (!ThroughlineError.is(error, 'CORRUPT_RECORD')) throw error;
          // The reader goes on behind the damage, as every reader does; what is missing there is for the checker to find.
          positions.set(partition, Number(error.details['nextOffset']));
        }
      }
      if (seen.length === 0) await delay(clock, 2);
      return seen;
    },
    async ends(partitions) {
      return new Map(partitions.map((one) => [one, Number(openNow().broker.partition(topic, one).highWatermark)]));
    },
    close: () => {},
  };
  return {
    // A process of a broker that is down has to wait for it.
    producer: async () => {
      openNow();
      return producer;
    },
    consumer: async () => {
      openNow();
      return consumer;
    },
  };
}
