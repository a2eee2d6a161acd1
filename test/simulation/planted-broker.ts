// Bugs planted around the whole broker: a partition that forgets its producers, and messages of groups that are changed on their way.
import type { Transport } from '@throughline/broker';
import { batchWith } from '@throughline/testkit';
import {
  heartbeatApi,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
  type OffsetFetchResponse,
} from '@throughline/wire/apis';
import { edit, editingTransport, type AnyEdit } from './editing-transport.ts';
import type { PlantedBug } from './planted-bug.ts';
import { withMethods, withPartitions } from './planted-storage.ts';
import type { BrokerSimulation } from './simulate-broker.ts';

const edited =
  (...edits: readonly AnyEdit[]) =>
  (transport: Transport) =>
    editingTransport(transport, edits);

export const plantedBrokerBugs: readonly (PlantedBug & BrokerSimulation)[] = [
  {
    name: 'a duplicate after a retry, as the state of the producer is forgotten',
    finds: ['duplicate'],
    faults: ['connection cuts'],
    brokerOf: (broker, random) =>
      withPartitions(broker, random, (log) =>
        withMethods(log, { append: (batch) => log.append(withoutProducer(batch)) }),
      ),
  },
  {
    name: 'a member of an earlier generation that hears nothing of the next one, and whose commits are taken',
    finds: ['stale-generation'],
    faults: ['network stall'],
    pace: 'calm',
    transportOf: edited(
      edit({ api: heartbeatApi, response: (body) => ({ ...body, errorCode: 'NONE' as const }) }),
      edit({
        api: offsetCommitApi,
        response: (body) => ({
          ...body,
          topics: body.topics.map((one) => ({
            ...one,
            partitions: one.partitions.map((partition) => ({ ...partition, errorCode: 'NONE' as const })),
          })),
        }),
      }),
    ),
  },
  {
    name: 'a commit that is acknowledged and not kept',
    finds: ['lost-commit'],
    faults: ['clean restart'],
    transportOf: edited(
      edit({
        api: offsetCommitApi,
        request: (body) => ({
          ...body,
          topics: body.topics.map((one) => ({
            ...one,
            partitions: one.partitions.map((partition) => ({ ...partition, committedOffset: 0n })),
          })),
        }),
      }),
    ),
  },
  {
    name: 'a committed offset that is read too low, so that the next commit goes backwards',
    finds: ['nonmonotonic-commit'],
    faults: ['connection cuts'],
    transportOf: edited(edit({ api: offsetFetchApi, response: (body) => moved(body, () => 0n) })),
  },
  {
    name: 'a committed offset that is read too high, so that a group passes over records',
    finds: ['group-skip'],
    faults: ['clean restart'],
    transportOf: edited(edit({ api: offsetFetchApi, response: (body) => moved(body, () => 2n) })),
  },
  {
    name: 'an assignment that two members of a generation get',
    finds: ['overlapping-assignment'],
    faults: ['connection cuts'],
    transportOf: edited(
      (() => {
        const first = new Map<string, Uint8Array>();
        const askers: string[] = [];
        return edit({
          api: syncGroupApi,
          request: (body) => {
            askers.push(`${body.generationId}`);
            return body;
          },
          response: (body) => {
            const generation = askers.at(-1)!;
            if (body.errorCode !== 'NONE') return body;
            if (!first.has(generation)) first.set(generation, body.assignment);
            return { ...body, assignment: first.get(generation)! };
          },
        });
      })(),
    ),
  },
];

function moved(body: OffsetFetchResponse, move: (offset: bigint) => bigint): OffsetFetchResponse {
  const topics = (body.topics ?? []).map((one) => ({
    ...one,
    partitions: one.partitions.map((partition) => ({ ...partition, committedOffset: move(partition.committedOffset) })),
  }));
  return { ...body, topics };
}

/** The batch of one who is not idempotent. */
function withoutProducer(batch: Uint8Array): Uint8Array {
  return batchWith(batch, { producerId: -1, producerEpoch: -1, baseSequence: -1 });
}
