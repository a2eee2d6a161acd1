// What a broker is given, with everything filled in that was left out (topics/setup-from.ts).
import type { Clock, Logger, Random } from '@throughline/event';
import type { BrokerLimits } from '../defaults.ts';
import type { Disk } from '../disk/disk.ts';
import type { Durability } from '../ground/topic-config.ts';
import type { ProducerLimits } from '../producers/producer-states.ts';
import type { SegmentEnvironment } from '../storage/segment-environment.ts';
import type { BrokerConfigs } from './broker-configs.ts';

export interface BrokerSetup {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly producerLimits: ProducerLimits;
  readonly configs: BrokerConfigs;
  /** The reason by the name of the topic. */
  readonly protectedTopics: ReadonlyMap<string, string>;
  readonly environment: SegmentEnvironment;
  /** What an acknowledgement can mean at most. */
  readonly durabilityMax: Durability;
}
