// The process that builds the page: `node build-main.ts OUT_DIR`. What Vite has to say goes to standard error.
import { build } from 'vite';
import config from '../vite.config.ts';

const [outDir] = process.argv.slice(2);
if (outDir === undefined) throw new Error('usage: node build-main.ts OUT_DIR');
await build({ ...config, configFile: false, logLevel: 'error', build: { ...config.build, outDir, emptyOutDir: true } });
