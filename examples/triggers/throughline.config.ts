// The application: one function in TypeScript and one in Python, each called by a request, by records of a topic, by a file that
// comes into a folder, and by a clock.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    hello: {
      entry: './hello.ts',
      triggers: [
        { type: 'url' },
        { type: 'kafka', topic: 'orders', batchWindowMs: 0 },
        { type: 'bucket', folder: './uploads' },
        { type: 'schedule', expression: 'rate(1 minute)', input: { from: 'the clock' } },
      ],
    },
    greet: {
      entry: './greet.py',
      triggers: [
        { type: 'url' },
        { type: 'kafka', topic: 'orders', batchWindowMs: 0 },
        { type: 'bucket', folder: './uploads' },
        { type: 'schedule', expression: 'rate(1 minute)', input: { from: 'the clock' } },
      ],
    },
  },
});
