// The conformance suite over the logs that there are.
import { MemoryLog } from '@throughline/testkit';
import { logConformance } from './log-suite.ts';

logConformance('in memory (the model)', async () => ({ log: new MemoryLog(), dispose: async () => {} }), {
  reopens: false,
});
