// How the page is built: one HTML file, one script, one style sheet, everything from its own origin. Used by
// src/build.ts (`npm start` on a fresh clone) and by `npx vite packages/console` while working on the page.
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig } from 'vite';

/** `npx vite packages/console` shows the page with the data of a server that runs already. */
const server = process.env['THROUGHLINE_HTTP'] ?? 'http://127.0.0.1:4437';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'warn',
  clearScreen: false,
  // Workspace packages are read as TypeScript sources: no floor below has to be built first.
  resolve: { conditions: ['throughline-source', ...defaultClientConditions] },
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    outDir: 'dist/page',
    target: 'es2023',
    // A Content-Security-Policy without 'unsafe-inline' and without data: is possible because nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1024,
  },
  server: { proxy: { '/api': server, '/v1': server, '/healthz': server } },
});
