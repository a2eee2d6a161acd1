// Puts together what the handlers of the Kafka protocol work with, over a broker that is open.
import {
  guardedClock,
  silentLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import type { Broker } from '../topics/broker.ts';
import { responseBytesMax } from '../defaults.ts';
import { FetchSessions } from '../fetch/fetch-sessions.ts';
import { ResponseMemory } from '../fetch/response-memory.ts';
import { GroupCoordinator } from '../groups/coordinator.ts';
import { VirtualCluster } from '../topics/virtual-cluster.ts';
import { ProducerIds } from '../topics/producer-ids.ts';
import type { Services } from './services.ts';

export interface ServicesOptions {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly logger?: Logger | undefined;
  /** Record bytes of all Fetch answers that are not sent. */
  readonly responseBytesMax?: number | undefined;
}

/** What is open over a broker, and for how many. */
interface SharedServices {
  readonly opening: Promise<Services>;
  holderCount: number;
}

/** Two coordinators over one log of groups would overwrite each other, so everybody over one broker has the same one. */
const sharedServices = new WeakMap<Broker, SharedServices>();

/**
 * Opens the services of a broker, or takes part in those that are open already; `options` are those of whoever comes first.
 *
 * @returns what is given back with `closeServices`, once for each call
 */
export async function openServices(broker: Broker, options: ServicesOptions): Promise<Services> {
  let shared = sharedServices.get(broker);
  if (shared === undefined) {
    shared = { opening: open(broker, options), holderCount: 0 };
    sharedServices.set(broker, shared);
  }
  shared.holderCount++;
  try {
    return await shared.opening;
  } catch (error) {
    sharedServices.delete(broker);
    throw error;
  }
}

/** Gives the services back; the last one to do so ends what they have begun. The broker itself stays open. */
export async function closeServices({ broker, groups }: Services): Promise<void> {
  const shared = sharedServices.get(broker);
  if (shared === undefined || --shared.holderCount > 0) return;
  sharedServices.delete(broker);
  groups.close();
}

async function open(broker: Broker, options: ServicesOptions): Promise<Services> {
  const { random = systemRandom, logger = silentLogger } = options;
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const cluster = new VirtualCluster(broker.clusterId);
  const sessionCountMax = broker.configs.integer('max.incremental.fetch.session.cache.slots');
  const producerIds = new ProducerIds(broker);
  const fetchSessions = new FetchSessions(clock, random, sessionCountMax);
  const groups = await GroupCoordinator.open({ broker, cluster, clock, random, logger });
  const responseMemory = new ResponseMemory(options.responseBytesMax ?? responseBytesMax);
  return { broker, cluster, fetchSessions, responseMemory, producerIds, groups, clock, random, logger };
}
