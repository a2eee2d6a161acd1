// What the tests of the APIs share: a broker on a disk in memory, served on a socket with a raw client connected to it, or
// asked without a network. Imported by tests only.
import type { TestContext } from 'node:test';
import { decodeRequest, encodeRequest, type Api } from '@throughline/wire';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import type { BrokerOptions } from '../topics/broker.ts';
import { createBroker, type CreateBrokerOptions, type RunningBroker } from '../create-broker.ts';
import { closeServices, openServices } from './open-services.ts';
import { openBroker } from '../topics/open-broker.ts';
import type { Services } from './services.ts';
import type { Handler } from './handler.ts';

/** Journal files are filled with zeros when they are made. */
const journalFileBytes = 64 * 1024;

export interface ServedBroker extends RunningBroker {
  /** Connected to the first node. */
  readonly client: KafkaClient;
}

export async function servedBroker(t: TestContext, options: Partial<CreateBrokerOptions> = {}): Promise<ServedBroker> {
  const running = await createBroker({ dataDir: '/data', disk: new LossyDisk(), journalFileBytes, ...options });
  const client = await connectKafka(running.address);
  t.after(async () => {
    await client.close();
    await running.close();
  });
  return Object.assign(running, { client });
}

/** Services of a broker whose time stands still, with `nodeCount` virtual nodes that nobody listens for. */
export async function stillServices(
  t: TestContext,
  {
    nodeCount = 1,
    responseBytesMax,
    ...options
  }: Partial<BrokerOptions> & { readonly nodeCount?: number; readonly responseBytesMax?: number } = {},
): Promise<Services & { readonly clock: VirtualClock }> {
  const clock = new VirtualClock();
  const broker = await openBroker({ dataDir: '/data', disk: new LossyDisk(), journalFileBytes, clock, ...options });
  const services = await openServices(broker, { clock, responseBytesMax });
  services.cluster.setNodes(
    Array.from({ length: nodeCount }, (_, index) => ({ nodeId: index + 1, host: 'localhost', port: 9092 + index })),
  );
  t.after(async () => {
    await closeServices(services);
    await broker.close();
  });
  return Object.assign(services, { clock });
}

/** Asks a handler as a connection would, with the defaults of the schema for what `body` leaves out. */
export async function ask<Request, Response>(
  handler: Handler,
  services: Services,
  {
    api,
    version,
    body,
    nodeId = 1,
    signal = new AbortController().signal,
    onSent = () => {},
  }: {
    readonly api: Api<Request, Response>;
    readonly version: number;
    readonly body: NoInfer<Request>;
    readonly nodeId?: number;
    readonly signal?: AbortSignal;
    readonly onSent?: (listener: () => void) => void;
  },
): Promise<Response> {
  const frame = Buffer.concat(encodeRequest(api, { apiVersion: version, correlationId: 1, clientId: 'test' }, body));
  const { body: read } = decodeRequest(api, frame.subarray(4));
  const peer = { clientId: 'test', clientHost: '/127.0.0.1', connectionId: 1, nodeId, signal, onSent };
  const request = { version, body: read, ...peer };
  return (await handler.handle(services, request)) as Response;
}
