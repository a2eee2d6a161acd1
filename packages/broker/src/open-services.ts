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
import type { Broker } from './broker.ts';
import { FetchSessions } from './fetch/fetch-sessions.ts';
import { GroupCoordinator } from './groups/coordinator.ts';
import { Cluster } from './network/cluster.ts';
import { ProducerIds } from './producers/producer-ids.ts';
import type { Services } from './services.ts';

export interface ServicesOptions {
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly logger?: Logger | undefined;
}

export async function openServices(broker: Broker, options: ServicesOptions): Promise<Services> {
  const { random = systemRandom, logger = silentLogger } = options;
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const cluster = new Cluster(broker.clusterId);
  const sessionCountMax = broker.configs.integer('max.incremental.fetch.session.cache.slots');
  const producerIds = new ProducerIds(broker);
  const fetchSessions = new FetchSessions(clock, random, sessionCountMax);
  const groups = await GroupCoordinator.open({ broker, cluster, clock, random, logger });
  return { broker, cluster, fetchSessions, producerIds, groups, clock, random, logger };
}

/** Ends what the services have begun; the broker itself stays open. */
export async function closeServices({ groups }: Services): Promise<void> {
  groups.close();
}
