// Flags of V8 that suit a broker better than its defaults, set while the process runs.
//
//   heap growth   V8 counts the memory of what comes over sockets as growth, beside a heap of some ten MiB; left alone it
//                 collects everything each 12 MiB of records, which was a third of the broker's processor time.
//   compilers     loading modules runs each of them once. Optimising that costs 10 MiB of memory which is never given back:
//                 code that is thrown away, and the pages of the compilers themselves. bin/throughline.cjs turns them off
//                 before the first module, and the verb turns them on before the first request.
//
// Figures of both in docs/internals/broker-performance.md.
import { setFlagsFromString } from 'node:v8';
import { heapGrowthPercent } from './defaults.ts';

/** Lets the heap of this process grow by heapGrowthPercent between two collections; called first thing. */
export function growHeapFreely(): void {
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`);
}

/** Lets V8 optimise what runs often, which bin/throughline.cjs forbids while modules are loaded. */
export function optimiseFromNowOn(): void {
  setFlagsFromString('--maglev');
  setFlagsFromString('--opt');
}
