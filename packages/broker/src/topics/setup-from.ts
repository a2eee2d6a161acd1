// Fills in what the options of a broker leave out.
import { guardedClock, silentLogger, systemClock, systemRandom, ThroughlineError } from '@throughline/event';
import { brokerLimitDefaults, memoryJournalFileBytes, type BrokerLimits } from '../defaults.ts';
import type { Disk } from '../disk/disk.ts';
import { memoryDisk } from '../disk/memory-disk.ts';
import { systemDisk } from '../disk/system-disk.ts';
import { BrokerConfigs } from '../metadata/broker-configs.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import type { ProducerLimits } from '../producers/producer-states.ts';
import { ActiveFiles } from '../storage/active-files.ts';
import { OpenSegments } from '../storage/open-segments.ts';
import { ReadBuffers } from '../storage/read-buffers.ts';
import type { BrokerOptions } from './broker.ts';
import { withOwnTopics } from './protected-topics.ts';

/** @throws ThroughlineError INVALID_ARGUMENT, INVALID_CONFIG */
export function setupFrom(options: BrokerOptions): BrokerSetup {
  const { memory = false, random = systemRandom, logger = silentLogger } = options;
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const { dataDir, disk } = memory ? inMemory(options) : onDisk(options);
  const limitsOfMemory = memory ? { journalFileBytes: memoryJournalFileBytes } : {};
  const limits: BrokerLimits = { ...brokerLimitDefaults, ...limitsOfMemory, ...definedOf(options) };
  const configs = new BrokerConfigs(options.config, memory ? defaultsInMemory : new Map());
  const producerLimits: ProducerLimits = {
    producerCountMax: limits.producerCountMax,
    get producerExpirationMs() {
      return configs.integer('producer.id.expiration.ms');
    },
  };
  const protectedTopics = withOwnTopics(options.protectedTopics);
  const openSegments = new OpenSegments(limits.openSegmentCountMax);
  const activeFiles = new ActiveFiles(disk, limits.activeFileCountMax);
  const { recoveryReadBytes, unindexedBytesMax } = limits;
  const readBuffers = new ReadBuffers();
  const reading = { openSegments, activeFiles, readBuffers, recoveryReadBytes, unindexedBytesMax };
  const environment = { disk, logger, ...reading, isSparse: false };
  const durabilityMax = memory ? 'memory' : 'fsync';
  const basics = { dataDir, disk, clock, random, logger };
  return { ...basics, limits, producerLimits, configs, protectedTopics, environment, durabilityMax };
}

/** Nothing there survives the process, so that waiting for a disk would only look like more; and tests wait for no members. */
const defaultsInMemory: ReadonlyMap<string, string> = new Map([
  ['log.durability', 'memory'],
  ['group.initial.rebalance.delay.ms', '0'],
]);

function inMemory({ dataDir, disk }: BrokerOptions): { readonly dataDir: string; readonly disk: Disk } {
  if (dataDir !== undefined || disk !== undefined) {
    throw new ThroughlineError('INVALID_ARGUMENT', 'a broker in memory has neither dataDir nor disk');
  }
  return { dataDir: '/memory', disk: memoryDisk() };
}

function onDisk({ dataDir, disk = systemDisk }: BrokerOptions): { readonly dataDir: string; readonly disk: Disk } {
  if (typeof dataDir !== 'string' || dataDir === '') {
    throw new ThroughlineError('INVALID_ARGUMENT', 'a broker needs a dataDir, or memory: true');
  }
  return { dataDir, disk };
}

/** What of the limits is given; an option that is undefined does not hide its default. */
function definedOf(options: BrokerOptions): Partial<BrokerLimits> {
  const names = Object.keys(brokerLimitDefaults) as (keyof BrokerLimits)[];
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}
