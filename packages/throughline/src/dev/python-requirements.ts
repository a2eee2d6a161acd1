// What packages a function in Python asks for: a requirements.txt in pip's own format, or the dependencies that a
// pyproject.toml names (PEP 621). Both become lines of pip, and a key that says which environment has them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';

export interface Requirements {
  /** The file that was read, for people. */
  readonly file: string;
  /** Folder that paths in its lines are relative to. */
  readonly dir: string;
  /** The file that pip reads; undefined where `lines` have to be written to one. */
  readonly pipFile: string | undefined;
  readonly lines: readonly string[];
  readonly packageCount: number;
  /** Whether it has hashes: then pip installs nothing that has none. */
  readonly hasHashes: boolean;
}

const names = ['requirements.txt', 'pyproject.toml'];

/** The file of a function that names none, in the first of these folders that has one. */
export function findRequirements(...dirs: readonly string[]): string | undefined {
  const places = dirs.flatMap((dir) => names.map((name) => path.join(dir, name)));
  return places.find((file) => existsSync(file));
}

/**
 * @param askDependencies reads the dependencies of a pyproject.toml: Python has a reader of TOML, and we have none
 * @throws ThroughlineError PYTHON_ENVIRONMENT_FAILED
 */
export async function readRequirements(
  file: string,
  askDependencies: (file: string) => Promise<readonly string[]>,
): Promise<Requirements> {
  const isProject = path.extname(file) === '.toml';
  const lines = isProject ? await askDependencies(file) : linesOf(file);
  const own = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return {
    file,
    dir: path.dirname(file),
    pipFile: isProject ? undefined : file,
    lines: own,
    packageCount: own.filter((line) => !line.startsWith('-') || /^(?:-e|--editable)\b/.test(line)).length,
    hasHashes: own.some((line) => line.includes('--hash=')),
  };
}

/** The same for whoever asks for the same: what the files say, with what they refer to, and the Python that it is for. */
export function environmentKey({ dir, lines }: Requirements, build: string): string {
  const hash = createHash('sha256').update(build);
  const add = (from: string, texts: readonly string[]): void => {
    for (const text of texts) {
      hash.update(`\0${text}`);
      for (const word of text.split(/[\s=]+|\s@\s(?:file:\/\/)?/)) addFile(from, word);
    }
  };
  const seen = new Set<string>();
  const addFile = (from: string, word: string): void => {
    const file = path.resolve(from, word.replace(/^file:(?:\/\/)?/, ''));
    if (word === '' || seen.has(file) || !existsSync(file)) return;
    seen.add(file);
    const stat = statSync(file);
    // A wheel or a folder that lies there means another package in another place, or after a change.
    hash.update(`\0${file}\0${stat.isFile() ? `${stat.size} ${stat.mtimeMs}` : ''}`);
    // `-r other.txt` and `-c constraints.txt` are a part of what the file says.
    if (stat.isFile() && file.endsWith('.txt')) add(path.dirname(file), linesOf(file));
  };
  add(dir, lines);
  return hash.digest('hex').slice(0, 24);
}

/** Lines as pip has them: without their ends, a backslash joins two. */
function linesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ThroughlineError('PYTHON_ENVIRONMENT_FAILED', `${file} cannot be read: ${String(cause)}`, { cause });
  }
  return text
    .replaceAll(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.replace(/(?:^|\s)#.*$/, '').trim());
}
