// An application whose function is not there: the server starts, the run says why it cannot be answered.
import { defineConfig } from 'throughline';

export default defineConfig({ functions: { answer: { entry: './nothing-here.ts' } } });
