// Doubles for tests; nothing that ships imports them.
export { batchWith } from './batch-with.ts';
export { FaultyDisk, type DiskFault, type DiskOperation } from './faulty-disk.ts';
export { LossyNetwork, type LossyNetworkOptions } from './lossy-network.ts';
export { LossyDisk } from './lossy-disk.ts';
export { MemoryLog } from './memory-log.ts';
export { slowDisk, type SlowDiskOptions } from './slow-disk.ts';
export { VirtualClock } from './virtual-clock.ts';
