// Starts the server process and speaks for it. The server is a process of its own because its crash is part of the
// promise: somebody has to be left to start it again.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { signalOnceWithinMs, stopWithinMs } from '../defaults.ts';
import { launchVariable, serverMessageSchema, type Launch, type ServerMessage } from './launch-message.ts';

export interface LaunchOptions extends Launch {
  readonly isRestarting: boolean;
  readonly isJson: boolean;
}

/** Runs the server until it stops; returns the exit code for the launcher. */
export async function launch(options: LaunchOptions): Promise<number> {
  let flags = options.flags;
  for (;;) {
    const outcome = await runServer({ ...options, flags }, options.isJson);
    if (!outcome.isCrashRequested || !options.isRestarting) return outcome.code;
    process.stderr.write('The server was crashed from the page (kill -9 of its own process). Starting it again …\n');
    // The page reconnects to the port that it knows.
    if (outcome.httpPort !== undefined) flags = { ...flags, httpPort: String(outcome.httpPort) };
  }
}

interface Outcome {
  readonly code: number;
  readonly isCrashRequested: boolean;
  readonly httpPort: number | undefined;
}

function runServer(launch: Launch, isJson: boolean): Promise<Outcome> {
  const { app, flags, workingDir } = launch;
  const server = spawn(process.execPath, serverArguments(), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Its own process group: Ctrl-C reaches it through us, once.
    detached: true,
    env: { ...process.env, [launchVariable]: JSON.stringify({ app, flags, workingDir }) },
  });
  let isCrashRequested = false;
  let httpPort: number | undefined;
  let hasFailed = false;
  server.on('message', (raw) => {
    const parsed = serverMessageSchema.safeParse(raw);
    if (!parsed.success) return;
    const message = parsed.data;
    if (message.type === 'ready') httpPort = message.httpPort;
    if (message.type === 'crashing') isCrashRequested = true;
    if (message.type === 'failed') hasFailed = true;
    tell(message, isJson);
  });
  const stopSignals = passSignals(server);
  return new Promise((resolve) => {
    server.on('exit', (code, signal) => {
      stopSignals();
      if (signal !== null && !isCrashRequested && !hasFailed) {
        process.stderr.write(
          `The server was ended by ${signal}. What it acknowledged is kept: start it again to go on.\n`,
        );
      }
      resolve({ code: code ?? 1, isCrashRequested, httpPort });
    });
  });
}

function serverArguments(): string[] {
  const source = fileURLToPath(new URL('./server-main.ts', import.meta.url));
  if (existsSync(source)) return ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', source];
  return ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./server-main.js', import.meta.url))];
}

function tell(message: ServerMessage, isJson: boolean): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify(message)}\n`);
    return;
  }
  if (message.type === 'progress') process.stderr.write(`${message.text}\n`);
  if (message.type === 'failed') {
    const { code, message: text, remedy } = message.error;
    process.stderr.write(`throughline: ${text} [${code}] ${remedy}\n`);
  }
  if (message.type === 'ready') {
    process.stdout.write(
      [
        'Throughline is ready',
        `  page         ${message.http}/`,
        '  Kafka        not served by this version (docs/reference/limits.md)',
        `  data folder  ${message.dataDir}`,
        `  answers by   ${message.model === 'docs' ? `the docs model, from ${message.docs}` : message.model}`,
        `  started in   ${Math.round(message.startedMs)} ms; stop with Ctrl-C`,
        '',
      ].join('\n'),
    );
  }
}

/**
 * First SIGINT or SIGTERM: a clean stop, bounded in time. Second: at once. npm and a terminal may both deliver the same
 * Ctrl-C, so signals that come almost together count as one.
 */
function passSignals(server: ChildProcess): () => void {
  let firstMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      server.kill('SIGTERM');
      timer = setTimeout(() => server.kill('SIGKILL'), stopWithinMs);
    } else if (nowMs - firstMs > signalOnceWithinMs) {
      server.kill('SIGKILL');
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    clearTimeout(timer);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}
