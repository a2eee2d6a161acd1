// The server process: reads what the launcher wants, starts everything, and stops it cleanly on SIGTERM or when the
// launcher is gone.
import { ThroughlineError } from '@throughline/event';
import { resolveConfig } from '../config.ts';
import { launchSchema, launchVariable, type ServerMessage } from './launch-message.ts';

const { [launchVariable]: launchText, ...environment } = process.env;
delete process.env[launchVariable];

function tell(message: ServerMessage): void {
  if (process.connected) process.send?.(message);
}

try {
  const launch = launchSchema.parse(JSON.parse(launchText ?? 'null'));
  const config = await resolveConfig({ ...launch, environment });
  const { startServer } = await import('./server.ts');
  const server = await startServer(config, {
    onProgress: (text) => tell({ type: 'progress', text }),
    crash: async () => {
      tell({ type: 'crashing' });
      // The message must have left before the process is gone; the channel gives no receipt, a turn of the loop does.
      await new Promise((resolve) => setImmediate(resolve));
      process.kill(process.pid, 'SIGKILL');
    },
  });
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    await server.close();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  // The launcher is gone: a server that nobody can stop any more stops by itself.
  process.on('disconnect', () => void stop());
  tell({
    type: 'ready',
    http: server.url,
    httpPort: server.port,
    dataDir: config.dataDir,
    docs: config.docs,
    model: config.model === 'docs' ? 'docs' : `${config.modelId} at ${config.modelUrl}`,
    startedMs: performance.now(),
  });
} catch (error) {
  const { code, message, remedy } = ThroughlineError.from(error);
  if (process.connected) tell({ type: 'failed', error: { code, message, remedy } });
  else process.stderr.write(`throughline: ${message} [${code}] ${remedy}\n`);
  if (code === 'INTERNAL') process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}
