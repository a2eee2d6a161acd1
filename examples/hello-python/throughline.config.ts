// The application: two functions in Python, each with a URL of its own.
import { defineConfig } from 'throughline';

export default defineConfig({
  functions: {
    hello: { entry: './hello.py', timeoutMs: 3000, memoryMb: 256, triggers: [{ type: 'url' }] },
    count: { entry: './count.py', triggers: [{ type: 'url', responseMode: 'RESPONSE_STREAM' }] },
  },
});
