// The test application with one invocation per environment (Lambda's classic), so that a kill hits one answer.
import { defineConfig } from 'throughline';
import application from '../app/throughline.config.ts';

export default defineConfig({
  ...application,
  functions: { answer: { entry: '../app/answer.ts', environmentsMax: 8, invocationsPerEnvironment: 1 } },
  docs: '../../../docs',
});
