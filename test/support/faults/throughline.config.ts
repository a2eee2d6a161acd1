// An application whose function does what the question asks, also everything that a function should not do.
import { turns } from '@throughline/pipelines';
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: { answer: { entry: '../../../packages/functions/test-handlers/answer.ts', timeoutMs: 10_000 } },
  pipelines: [turns()],
  docs: '../../../docs',
});
