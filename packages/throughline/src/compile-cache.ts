// Where V8's compiled code is kept between starts (NODE_COMPILE_CACHE): it halves the processor time of loading the
// server. Beside the packages, because what is compiled is theirs; where that folder cannot be written, Node goes without.
import path from 'node:path';

/** The folder: `.cache/throughline` in the node_modules that this package is in, or that its repository has. */
export function compileCacheDir(): string {
  const here = import.meta.dirname;
  const at = here.lastIndexOf(`${path.sep}node_modules${path.sep}`);
  const nodeModules =
    at === -1 ? path.join(here, '../../../node_modules') : path.join(here.slice(0, at), 'node_modules');
  return path.join(nodeModules, '.cache', 'throughline');
}
