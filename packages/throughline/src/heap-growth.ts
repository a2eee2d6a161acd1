// How far the heap may grow before the collector goes through all of it. V8 counts the memory of what comes over sockets as
// growth, beside a heap of some ten MiB; left alone it collects everything each 12 MiB of records, which was a third of the
// broker's processor time (docs/internals/broker-performance.md).
import { setFlagsFromString } from 'node:v8';
import { heapGrowthPercent } from './defaults.ts';

/** Lets the heap of this process grow by heapGrowthPercent between two collections; called first thing. */
export function growHeapFreely(): void {
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
}
