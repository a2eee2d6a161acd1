// The application that the page's tests with care run: every kind of part, and every kind of end, on request.
import { turns } from '@throughline/pipelines';
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: { answer: { entry: './answer.ts', timeoutMs: 20_000 } },
  pipelines: [turns()],
  docs: '../../../../docs',
});
