// What a broker is given, with everything filled in that was left out.
import { silentLogger, systemClock, systemRandom, type Clock, type Logger, type Random } from '@throughline/event';
import type { BrokerOptions } from './broker.ts';
import { brokerLimitDefaults, type BrokerLimits } from './defaults.ts';
import { BrokerConfigs } from './metadata/broker-configs.ts';
import type { Disk } from './storage/disk.ts';
import { OpenSegments } from './storage/open-segments.ts';
import type { SegmentEnvironment } from './storage/segment-environment.ts';
import { systemDisk } from './storage/system-disk.ts';

export interface BrokerSetup {
  readonly dataDir: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  readonly configs: BrokerConfigs;
  readonly environment: SegmentEnvironment;
}

export function setupFrom(options: BrokerOptions): BrokerSetup {
  const { dataDir, disk = systemDisk, clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const limits: BrokerLimits = { ...brokerLimitDefaults, ...definedOf(options) };
  const openSegments = new OpenSegments(limits.openSegmentCountMax);
  const { recoveryReadBytes } = limits;
  const environment: SegmentEnvironment = { disk, logger, openSegments, recoveryReadBytes };
  return { dataDir, disk, clock, random, logger, limits, configs: new BrokerConfigs(options.config), environment };
}

/** What of the limits is given; an option that is undefined does not hide its default. */
function definedOf(options: BrokerOptions): Partial<BrokerLimits> {
  const names = Object.keys(brokerLimitDefaults) as (keyof BrokerLimits)[];
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}
