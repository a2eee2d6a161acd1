// The application that fault tests and benchmarks run: one predictable function and the turns table.
import { turns } from '@throughline/pipelines';
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: { answer: { entry: './answer.ts' } },
  pipelines: [turns()],
  docs: '../../../docs',
});
