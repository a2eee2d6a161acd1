// The test application with the concurrency that the benchmarks name: two environments, 50 invocations in each.
import { defineConfig } from 'throughline';
import application from '../../../test/support/app/throughline.config.ts';

export default defineConfig({
  ...application,
  functions: {
    answer: { entry: '../../../test/support/app/answer.ts', environmentsMax: 2, invocationsPerEnvironment: 50 },
  },
  docs: '../../../docs',
});
