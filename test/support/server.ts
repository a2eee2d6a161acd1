// A real `throughline dev` for tests and benchmarks: started as users start it, found through <data-dir>/server.json,
// killed by its pid. Whatever a test leaves running is ended when the test's process ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const main = path.join(root, 'packages/throughline/src/cli/main.ts');

export interface StartOptions {
  /** Folder of the application; the predictable test application by default. */
  readonly app?: string;
  /** Data folder; a temporary one, removed at stop, by default. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export class TestServer {
  readonly dataDir: string;
  readonly port: number;
  readonly #options: StartOptions;
  #launcher: ChildProcess | undefined;
  #output = '';
  readonly #life = new AbortController();

  constructor(dataDir: string, port: number, options: StartOptions) {
    this.dataDir = dataDir;
    this.port = port;
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Aborted once nobody will start this server again: whoever connects to it until it is back gives up. */
  get disposed(): AbortSignal {
    return this.#life.signal;
  }

  /** Everything that the launcher and the server have printed. */
  get output(): string {
    return this.#output;
  }

  /** The server's own process id. */
  get pid(): number {
    return (JSON.parse(readFileSync(path.join(this.dataDir, 'server.json'), 'utf8')) as { pid: number }).pid;
  }

  /** The process id of the launcher, `throughline dev` itself. */
  get launcherPid(): number {
    return this.#launcher?.pid ?? 0;
  }

  /** Resolves with the launcher's exit code: null when a signal has ended it. */
  ended(): Promise<number | null> {
    return this.#exit();
  }

  /** Starts the server and resolves when it has said that it is ready. */
  async start(): Promise<void> {
    const { app = path.join(root, 'test/support/app'), flags = [], environment = {} } = this.#options;
    const launcher = spawn(
      process.execPath,
      ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main, 'dev', app]
        .concat(['--http-port', String(this.port), '--kafka-port', '0', '--data-dir', this.dataDir])
        .concat(flags),
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } },
    );
    this.#launcher = launcher;
    running.add(launcher);
    launcher.once('exit', () => running.delete(launcher));
    const { stdout, stderr } = launcher;
    await new Promise<void>((resolve, reject) => {
      const onText = (text: string): void => {
        this.#output += text;
        if (text.includes('Throughline is ready')) resolve();
      };
      stdout.setEncoding('utf8').on('data', onText);
      stderr.setEncoding('utf8').on('data', onText);
      launcher.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${this.#output}`)));
    });
  }

  /** kill -9 of the server process; resolves when the launcher is gone too. */
  async kill9(): Promise<void> {
    const exited = this.#exit();
    process.kill(this.pid, 'SIGKILL');
    await exited;
  }

  /** A clean stop; the data folder stays. */
  async stop(): Promise<number | null> {
    const exited = this.#exit();
    this.#launcher?.kill('SIGTERM');
    return exited;
  }

  /** A clean stop, and the data folder is removed. */
  async dispose(): Promise<void> {
    this.#life.abort(new Error('the server of this test was disposed'));
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async #exit(): Promise<number | null> {
    const launcher = this.#launcher;
    if (launcher === undefined || launcher.exitCode !== null || launcher.signalCode !== null)
      return launcher?.exitCode ?? null;
    const [code] = (await once(launcher, 'exit')) as [number | null];
    return code;
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const launcher of running) launcher.kill('SIGKILL');
});

/**
 * Starts a server on a free port.
 *
 * @example const server = await startServer(); await fetch(server.url + '/healthz'); await server.dispose()
 */
export async function startServer(options: StartOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? mkdtempSync(path.join(os.tmpdir(), 'throughline-test-'));
  const server = new TestServer(dataDir, await freePort(), options);
  await server.start();
  return server;
}

/** A port that was free a moment ago. A server that is killed and started again keeps it. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
