// A door to the group coordinator for whoever runs in the broker's process: the very requests and answers of the Kafka protocol,
// handled by the very handlers, without a socket between. Members that come through it are in one group with those that come
// over a connection, and every tool sees them.
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, type Api, type Read } from '@throughline/wire';
import { kafkaErrorOf } from './ground/error-codes.ts';
import type { ApiRequest, Handler } from './apis/handler.ts';
import { handlers } from './apis/registry.ts';
import type { Broker } from './topics/broker.ts';
import { inProcessHost } from './groups/group-member.ts';
import { closeServices, openServices, type ServicesOptions } from './apis/open-services.ts';
import type { Services } from './apis/services.ts';

export interface InProcessGroups {
  /**
   * Asks the coordinator of a group, in the highest version of the API.
   *
   * @param signal ends the waiting of a JoinGroup or SyncGroup, which is then answered with NOT_COORDINATOR
   * @throws ThroughlineError when `__consumer_offsets` cannot be made; INVALID_ARGUMENT for a request that has no such form
   * @example await groups.request('readers', heartbeatApi, { groupId: 'readers', generationId, memberId })
   */
  request<Request, Response>(
    groupId: string,
    api: Api<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<Read<Response>>;
  /** The coordinator goes on for whoever else has it. */
  close(): Promise<void>;
}

/** Of requests that came over no connection. */
const noConnectionId = -1;
const clientId = 'in-process';
const never = new AbortController().signal;
/** Of the size that stands before a frame. */
const sizeBytes = 4;

/**
 * Opens the door to the groups of a broker.
 *
 * @example const groups = await openInProcessGroups(await openBroker({ dataDir }))
 */
export async function openInProcessGroups(broker: Broker, options: ServicesOptions = {}): Promise<InProcessGroups> {
  const services = await openServices(broker, options);
  let isClosed = false;
  return {
    request: (groupId, api, request, signal = never) => ask(services, groupId, api, request, signal),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await closeServices(services);
    },
  };
}

async function ask<Request, Response>(
  services: Services,
  groupId: string,
  api: Api<Request, Response>,
  body: Request,
  signal: AbortSignal,
): Promise<Read<Response>> {
  const found = handlers.find((one) => one.api.key === api.key)!;
  const header = { apiVersion: api.versionMax, correlationId: 0, clientId };
  // What goes through the codec is bounded and filled up with defaults as it is on a connection.
  const frame = Buffer.concat(encodeRequest(api, header, body)).subarray(sizeBytes);
  const request: ApiRequest<unknown> = {
    version: api.versionMax,
    body: decodeRequest(api, frame).body,
    clientId,
    clientHost: inProcessHost,
    connectionId: noConnectionId,
    nodeId: await services.groups.nodeIdOf(groupId),
    signal,
    onSent: () => {},
  };
  const answer = await handle(found, services, request);
  const chunks = encodeResponse(api as Api<never, unknown>, header, answer);
  return decodeResponse(api, api.versionMax, Buffer.concat(chunks).subarray(sizeBytes)).body;
}

async function handle(found: Handler, services: Services, request: ApiRequest<unknown>): Promise<unknown> {
  try {
    return await found.handle(services, request);
  } catch (error) {
    return found.failed(request, kafkaErrorOf(error));
  }
}
