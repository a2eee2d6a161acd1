// Runs a script of this repository on the Node that the lock file brings, after installing exactly what the lock
// file says where that is missing or stale. Plain JavaScript for the machine's own Node (20 or newer): at this point
// nothing is installed yet.
//
//   node scripts/run.mjs scripts/test.ts [args]     a TypeScript file
//   node scripts/run.mjs start [args]               `throughline dev` with the example application
//
// "Stale" means: the hash of package-lock.json differs from the one written after the last successful install.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stamp = path.join(root, 'node_modules', '.throughline-lock-hash');
const nodeMajorMin = 20;

if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  fail(`Throughline needs Node.js ${nodeMajorMin} or newer to install; this is ${process.version}.`);
}
install();
const [target, ...args] = process.argv.slice(2);
if (target === undefined) fail('usage: node scripts/run.mjs <script.ts | start> [arguments]');
const script =
  target === 'start'
    ? [path.join(root, 'packages/throughline/src/cli/main.ts'), 'dev', path.join(root, 'examples/ask-docs'), ...args]
    : [path.join(root, target), ...args];
runScript(script);

function install() {
  const lockHash = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockHash) return;
  process.stderr.write('Installing what package-lock.json says (once; about half a minute) …\n');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) fail('npm ci failed; its own message stands above. Check the network and run this again.');
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, lockHash);
}

/** The locked Node, or this one where the registry carries no binary for the platform and this one is new enough. */
function nodeBinary() {
  const locked = path.join(root, 'node_modules', '.bin', 'node');
  if (existsSync(locked) && spawnSync(locked, ['--version']).status === 0) return locked;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 22)) return process.execPath;
  return fail(`Throughline needs Node.js 22.22 or newer; this is ${process.version} and no locked binary fits here.`);
}

function runScript(argv) {
  const child = spawn(nodeBinary(), ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', ...argv], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}` },
  });
  // A terminal sends Ctrl-C to the whole group; a supervisor only to us. Passing it on is harmless in the first case.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1);
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
