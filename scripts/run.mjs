// Runs a script of this repository on the Node that the lock file brings, after installing what is missing or stale
// (install.mjs). Plain JavaScript for the machine's own Node (20 or newer).
//
//   node scripts/run.mjs scripts/test.ts [args]     a TypeScript file
//   node scripts/run.mjs start [args]               `throughline dev` with the example application
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const nodeMajorMin = 20;
const parentPollMs = 100;

if (Number(process.versions.node.split('.')[0]) < nodeMajorMin) {
  fail(`Throughline needs Node.js ${nodeMajorMin} or newer to install; this is ${process.version}.`);
}
const [target, ...args] = process.argv.slice(2);
if (target === undefined) fail('usage: node scripts/run.mjs <script.ts | start> [arguments]');
const node = await install(root).catch((error) => fail(error.message));
if (node === process.execPath) checkOwnNode();
const script =
  target === 'start'
    ? [path.join(root, 'packages/throughline/src/cli/main.ts'), 'dev', path.join(root, 'examples/ask-docs'), ...args]
    : [path.join(root, target), ...args];
runScript(script);

/** Where the registry carries no binary for the platform, this Node has to be new enough. */
function checkOwnNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 22)) return;
  fail(`Throughline needs Node.js 22.22 or newer; this is ${process.version} and no locked binary fits here.`);
}

function runScript(argv) {
  const child = spawn(node, ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', ...argv], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${path.join(root, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`,
      // Compiled code is kept between runs: it halves the time of loading.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules', '.cache', 'throughline'),
    },
  });
  // A terminal sends Ctrl-C to the whole group; a supervisor only to us. Passing it on is harmless in the first case.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  // npm passes a signal to the shell between us, which dies of it and tells nobody: that it is gone is all we learn.
  const shell = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined) {
    const timer = setInterval(() => {
      if (process.ppid === shell) return;
      clearInterval(timer);
      child.kill('SIGTERM');
    }, parentPollMs).unref();
  }
  child.on('error', (error) => fail(`${node} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1);
  });
}

/** @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
