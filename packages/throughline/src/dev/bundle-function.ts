// A function and what it imports as one file, as `sam build` makes it with esbuild: TypeScript whatever its syntax, imports without
// an ending, imports of types only that name packages nobody has installed. Made anew at each start; it takes milliseconds.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { rolldown } from 'rolldown';
import type { FunctionConfig } from '@throughline/functions';

/** The file that was made in `dir`, or why there is none. */
export async function bundleFunction(
  entry: string,
  dir: string,
): Promise<string | NonNullable<FunctionConfig['problem']>> {
  const name = `${path.basename(entry, path.extname(entry))}.mjs`;
  try {
    rmSync(dir, { recursive: true, force: true });
    const bundle = await rolldown({ input: entry, cwd: path.dirname(entry), platform: 'node', logLevel: 'silent' });
    await bundle.write({ dir, format: 'esm', entryFileNames: name, chunkFileNames: '[name]-[hash].mjs' });
    await bundle.close();
    return path.join(dir, name);
  } catch (error) {
    // What it says of code that it cannot read has the place in it; colours and its frame are for terminals.
    const message = stripVTControlCharacters(String(error instanceof Error ? error.message : error)).trim();
    return { code: 'FUNCTION_INIT_FAILED', message: `${entry} cannot be bundled: ${message}` };
  }
}
