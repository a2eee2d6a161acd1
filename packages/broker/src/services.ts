// What the handlers of the Kafka protocol work with. One set per broker, shared by all its listeners.
import type { Clock, Logger, Random } from '@throughline/event';
import type { Broker } from './broker.ts';
import type { FetchSessions } from './fetch/fetch-sessions.ts';
import type { Cluster } from './network/cluster.ts';

export interface Services {
  readonly broker: Broker;
  readonly cluster: Cluster;
  readonly fetchSessions: FetchSessions;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
