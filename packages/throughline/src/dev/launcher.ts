// Starts the server process and speaks for it. The server is a process of its own because its crash is part of the
// promise: somebody has to be left to start it again. It starts again only after a crash that the page asked for
// (docs/decisions/0006-restart-only-after-a-requested-crash.md).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileCacheDir } from '../compile-cache.ts';
import { say } from '../terminal/output.ts';
import { stopWithinMs, threadPoolCount } from '../defaults.ts';
import { announce } from './announce.ts';
import { launchVariable, serverMessage, type Launch, type ServerMessage } from './launch-message.ts';
import { passStopSignals } from './stop-signals.ts';

export interface LaunchOptions extends Launch {
  readonly isRestarting: boolean;
  readonly isJson: boolean;
}

/** Runs the server until it stops; returns the exit code for the launcher. */
export async function launch({ isRestarting, isJson, ...options }: LaunchOptions): Promise<number> {
  let { flags } = options;
  for (;;) {
    const outcome = await runServer({ ...options, flags }, isJson);
    if (!outcome.isCrashRequested || !isRestarting) return outcome.code;
    say('The server was crashed from the page (kill -9 of its own process). Starting it again …');
    // The page and the Kafka clients reconnect to the ports that they know.
    if (outcome.httpPort !== undefined) flags = { ...flags, httpPort: String(outcome.httpPort) };
    if (outcome.kafkaPort !== undefined) flags = { ...flags, kafkaPort: outcome.kafkaPort };
  }
}

interface Outcome {
  readonly code: number;
  readonly isCrashRequested: boolean;
  readonly httpPort: number | undefined;
  readonly kafkaPort: string | undefined;
}

function runServer({ app, flags, workingDir }: Launch, isJson: boolean): Promise<Outcome> {
  const server = spawn(process.execPath, serverArguments(), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // Its own process group: Ctrl-C reaches it through us, once.
    detached: true,
    env: {
      UV_THREADPOOL_SIZE: String(threadPoolCount),
      NODE_COMPILE_CACHE: compileCacheDir(),
      ...process.env,
      [launchVariable]: JSON.stringify({ app, flags, workingDir }),
    },
  });
  const seen = new Map<ServerMessage['type'], ServerMessage>();
  server.on('message', (raw) => {
    const message = serverMessage(raw);
    if (message === undefined) return;
    seen.set(message.type, message);
    announce(message, isJson);
  });
  const signals = passStopSignals(server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Not `exit`: what the server has sent before its end is read first.
    server.once('close', (code, signal) => {
      signals.close();
      const isCrashRequested = seen.has('crashing') && !signals.isStopping;
      const ready = seen.get('ready');
      if (signals.isOverdue) {
        say(`The server did not stop within ${stopWithinMs / 1000} s and was ended; nothing is lost.`);
      } else if (!isCrashRequested && !seen.has('failed') && !signals.isStopping && code !== 0) {
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        const what =
          ready === undefined ? 'before it was ready' : 'and what it acknowledged is kept: start it again to go on';
        say(`The server ${how}, ${what}. Its own words stand above and in server.log.`);
      }
      const isReady = ready?.type === 'ready';
      const httpPort = isReady ? ready.httpPort : undefined;
      const kafkaPort = isReady ? ready.kafka?.slice(ready.kafka.lastIndexOf(':') + 1) : undefined;
      // A server that is still loading has nothing to close and dies of the signal itself: a clean stop as well.
      const hasDiedOfStop = signals.isStopping && signal === 'SIGTERM';
      resolve({ code: code ?? (hasDiedOfStop ? 0 : 1), isCrashRequested, httpPort, kafkaPort });
    });
  });
}

function serverArguments(): string[] {
  const source = fileURLToPath(new URL('./server-main.ts', import.meta.url));
  if (existsSync(source)) return ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', source];
  return ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./server-main.js', import.meta.url))];
}
