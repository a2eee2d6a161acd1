// The application: two functions, each with a URL of its own.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    hello: { entry: './hello.ts', timeoutMs: 3000, memoryMb: 256, triggers: [{ type: 'url' }] },
    count: { entry: './count.ts', triggers: [{ type: 'url', responseMode: 'RESPONSE_STREAM' }] },
  },
});
