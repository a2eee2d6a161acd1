// Doubles for tests; nothing that ships imports them.
export { MemoryLog } from './memory-log.ts';
export { VirtualClock } from './virtual-clock.ts';
