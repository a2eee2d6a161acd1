// The files of the repository that the tidy test looks at, by glob from its root.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

const left = new Set(['node_modules', 'dist', '.git', '.throughline', '.cache']);

/** Paths relative to the root, with forward slashes, sorted. */
export function filesOf(...patterns: readonly string[]): string[] {
  const found = globSync([...patterns], { cwd: root, exclude: (name) => left.has(path.basename(name)) });
  return found.map((file) => file.split(path.sep).join('/')).sort();
}

export function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** TypeScript that is neither a test nor there for tests only. */
export function sourcesOf(...patterns: readonly string[]): string[] {
  return filesOf(...patterns).filter((file) => !isTestFile(file));
}

/** Written by a generator out of a table that is not ours. */
export function isGenerated(file: string): boolean {
  return /^packages\/wire\/src\/(apis|records)\//.test(file);
}

export function isTestFile(file: string): boolean {
  return /[./](test|test-support|test-d)\.tsx?$|\/test-handlers\/|^test\//.test(file);
}
