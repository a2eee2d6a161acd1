// What the handlers of the Kafka protocol work with. One set per broker, shared by all its listeners.
import type { Clock, Logger, Random } from '@throughline/event';
import type { Broker } from '../topics/broker.ts';
import type { FetchSessions } from '../fetch/fetch-sessions.ts';
import type { ResponseMemory } from '../fetch/response-memory.ts';
import type { GroupCoordinator } from '../groups/coordinator.ts';
import type { VirtualCluster } from '../topics/virtual-cluster.ts';
import type { ProducerIds } from '../topics/producer-ids.ts';

export interface Services {
  readonly broker: Broker;
  readonly cluster: VirtualCluster;
  readonly fetchSessions: FetchSessions;
  readonly responseMemory: ResponseMemory;
  readonly producerIds: ProducerIds;
  readonly groups: GroupCoordinator;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
