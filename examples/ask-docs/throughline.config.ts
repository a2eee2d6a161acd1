// The application: one function that answers, one table that is kept of it.
import { defineConfig } from 'throughline';
import turns from './turns.pipeline.ts';

export default defineConfig({
  functions: { answer: { entry: './answer.ts' } },
  pipelines: [turns],
  // The repository's own documents; `--docs FOLDER` answers from yours.
  docs: '../../docs',
});
