// Sixteen producers with a connection each, five requests in flight on each (the default of Kafka's clients), every request one
// record of 1 KiB to the next partition in turn; prints the acknowledged records per second of some seconds. They speak the
// protocol by the tables of the wire floor, so that what is measured is the broker and not a client's batching.
//
//   node many-producers.ts ADDRESS TOPIC PARTITIONS
import { encodeRecordBatch } from '@throughline/wire';
import { produceApi } from '@throughline/wire/apis';
import { connectKafka, type KafkaClient } from '../../test/support/kafka-client.ts';

const producerCount = 16;
const inFlightCount = 5;
const warmMs = 1500;
const measuredMs = 5000;
const version = 9;

const [address, topic, partitions] = process.argv.slice(2);
if (address === undefined || topic === undefined) throw new Error('usage: many-producers.ts ADDRESS TOPIC PARTITIONS');
const partitionCount = Number(partitions);
const value = Buffer.alloc(1024, 'x');
let acknowledgedCount = 0;
let isOver = false;

async function produce(client: KafkaClient, producer: number): Promise<void> {
  let turn = producer;
  const sent: number[] = [];
  const send = (): void => {
    const records = encodeRecordBatch([{ key: null, value, headers: [] }], { nowMs: Date.now() });
    const partitionData = [{ index: turn++ % partitionCount, records }];
    const topicData = [{ name: topic!, partitionData }];
    sent.push(client.send(produceApi, version, { acks: -1, timeoutMs: 30_000, topicData }));
  };
  for (let i = 0; i < inFlightCount; i++) send();
  while (sent.length > 0) {
    const { responses } = await client.answer(produceApi, version, sent.shift()!);
    const errorCode = responses[0]?.partitionResponses[0]?.errorCode;
    if (errorCode !== 'NONE') throw new Error(`the broker answered ${errorCode}`);
    acknowledgedCount++;
    if (!isOver) send();
  }
}

const clients = await Promise.all(Array.from({ length: producerCount }, () => connectKafka(address)));
const producing = Promise.all(clients.map(produce));
await new Promise((resolve) => setTimeout(resolve, warmMs));
const before = acknowledgedCount;
const startMs = performance.now();
await new Promise((resolve) => setTimeout(resolve, measuredMs));
const perSecond = ((acknowledgedCount - before) / (performance.now() - startMs)) * 1000;
isOver = true;
await producing;
for (const client of clients) await client.close();
process.stdout.write(`${perSecond}\n`);
