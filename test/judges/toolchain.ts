// What the judges need that npm does not bring: looked for, installed where that can be done, and a reason to skip where not.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where judges keep what they have installed, outside the repository. */
const cache = process.env['THROUGHLINE_JUDGES_CACHE'] ?? path.join(os.homedir(), '.cache', 'throughline-judges');

/** The folder of tools beside the repository. */
export const kafkaTool: string = path.resolve('../shared/tools/kafka/kafka.sh');
export const librdkafkaTool: string = path.resolve('../shared/tools/librdkafka/librdkafka.sh');

/** Why Apache Kafka and its tools cannot run here, or false. */
export function withoutKafka(): string | false {
  return (
    [
      existsSync(kafkaTool) ? '' : `${path.relative('.', kafkaTool)} is missing`,
      answers('java', '-version') ? '' : 'java is missing',
      answers('mvn', '-v') ? '' : 'mvn is missing',
    ]
      .filter(Boolean)
      .join('; ') || false
  );
}

/** An interpreter that has these packages of PyPI, installed on the first call; or why there is none. */
export function pythonWith(packages: readonly string[]): { readonly python: string } | { readonly missing: string } {
  const folder = path.join(cache, `python-${packages.join('-').replace(/[^\w.-]/g, '_')}`);
  const python = path.join(folder, 'bin', 'python');
  if (answers(python, '-c', 'import sys')) return { python };
  if (!answers('python3', '--version')) return { missing: 'python3 is missing' };
  mkdirSync(cache, { recursive: true });
  for (const [command, ...options] of [
    ['python3', '-m', 'venv', '--clear', folder],
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
  ]) {
    const { status, stderr } = spawnSync(command!, options, { encoding: 'utf8', timeout: 300_000 });
    if (status !== 0) return { missing: `${path.basename(command!)} ${options.join(' ')}: ${lastLine(stderr)}` };
  }
  return { python };
}

/**
 * A folder with this package of npm in its `node_modules`, installed and compiled on the first call; or why there is none.
 *
 * @param compiled the file that compiling it makes: an npm that runs no scripts of packages says nothing of it
 */
export function npmFolderWith(
  name: string,
  version: string,
  compiled: string,
): { readonly folder: string } | { readonly missing: string } {
  const folder = path.join(cache, `node-${name}_${version}`);
  const made = path.join(folder, 'made');
  if (existsSync(made)) return { folder };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"private":true}');
  const options = ['install', '--no-audit', '--no-fund', `${name}@${version}`];
  const { status, stderr } = spawnSync('npm', options, { cwd: folder, encoding: 'utf8', timeout: 420_000 });
  if (status !== 0) return { missing: `npm ${options.join(' ')}: ${lastLine(stderr ?? '') || 'not within 7 minutes'}` };
  if (!existsSync(path.join(folder, 'node_modules', name, compiled)))
    return { missing: `npm has not compiled ${name}` };
  writeFileSync(made, '');
  return { folder };
}

/** A folder with the programs of a Go module, built with the modules that its go.sum pins; or why they cannot be had. */
export function goPrograms(module: string): { readonly folder: string } | { readonly missing: string } {
  if (!answers('go', 'version')) return { missing: 'go is missing' };
  const folder = path.join(cache, 'go');
  mkdirSync(folder, { recursive: true });
  const go = (...options: readonly string[]) =>
    spawnSync('go', options, { cwd: module, encoding: 'utf8', timeout: 300_000 });
  const download = go('mod', 'download');
  if (download.status !== 0) return { missing: `go mod download: ${lastLine(download.stderr)}` };
  // With the modules there, only a mistake of ours keeps it from being built.
  const build = go('build', '-mod=readonly', '-o', `${folder}${path.sep}`, './...');
  if (build.status !== 0) throw new Error(`go build: ${build.stderr}`);
  return { folder };
}

/** Installs a package of the system where the program is not there; or why that cannot be. */
export function withoutProgram(program: string, systemPackage: string): string | false {
  if (answers(program, '-V')) return false;
  if (!answers('apt-get', '--version')) return `${program} is missing, and so is apt-get`;
  const update = spawnSync('apt-get', ['update', '-q'], { timeout: 120_000 });
  const install = spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', systemPackage], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (answers(program, '-V')) return false;
  return `${program} could not be installed (${update.status}, ${install.status}: ${lastLine(install.stderr)})`;
}

function answers(command: string, ...options: readonly string[]): boolean {
  return spawnSync(command, options, { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
