// The server process: reads what the launcher wants, starts everything, and stops it cleanly on SIGTERM or when the
// launcher is gone, also while it is still starting.
import { flushCompileCache } from 'node:module';
import { parse, ThroughlineError, valueUnlessFailed } from '@throughline/event';
import { failureLine, say, sayLines } from '../terminal/output.ts';
import { resolveConfig, type ResolvedConfig } from '../config.ts';
import { answerFunction, configSlowAfterMs, stopWithinMs } from '../defaults.ts';
import { growHeapFreely } from '../engine-flags.ts';
import { terminalLogger } from '../terminal/terminal-logger.ts';
import { ProcessDefects } from '../process-defects.ts';
import { launchSchema, launchVariable, type Launch, type ServerMessage } from './launch-message.ts';
import { whileSlow } from './progress.ts';
import type { RunningServer } from './server.ts';

const { [launchVariable]: launchText, ...environment } = process.env;
delete process.env[launchVariable];

growHeapFreely();
const defects = new ProcessDefects(terminalLogger);
defects.guard(process);
let isStopping = false;
const stopping = new AbortController();
/** Whether there is something to close. */
let hasBegun = false;
const starting = start();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop());
// The launcher is gone: a server that nobody can stop any more stops by itself.
process.on('disconnect', () => void stop());
void defects.uncaught.then(stop);
try {
  const { config, server } = await starting;
  // A stop that was asked for in the meantime has closed it, or is about to.
  if (!isStopping) tell(readyMessage(config, server));
  // A server that is killed later leaves what it has compiled for the next start.
  flushCompileCache();
} catch (error) {
  // A start that was asked to stop has stopped, and has closed what it had opened.
  if (stopping.signal.aborted && ThroughlineError.is(error, 'CLOSED')) process.exit(defects.exitCode);
  reject(error);
}

function onProgress(text: string): void {
  tell({ type: 'progress', text });
}

async function start(): Promise<{ config: ResolvedConfig; server: RunningServer }> {
  const launch = parse(launchSchema, JSON.parse(launchText ?? 'null'), 'INTERNAL');
  const config = await loading(launch);
  hasBegun = true;
  const { startServer } = await import('./server.ts');
  const server = await startServer(config, {
    onProgress,
    stopping: stopping.signal,
    defects,
    crash: async () => {
      tell({ type: 'crashing' });
      // The message must have left before the process is gone; the channel gives no receipt, a turn of the loop does.
      await new Promise((resolve) => setImmediate(resolve));
      process.kill(process.pid, 'SIGKILL');
    },
  });
  return { config, server };
}

function loading(launch: Launch): Promise<ResolvedConfig> {
  const config = resolveConfig({ ...launch, environment, onExit: sayWhoExits });
  const soon = whileSlow(config, `Loading the configuration of ${launch.app} …`, onProgress);
  const seconds = configSlowAfterMs / 1000;
  const late = `The configuration of ${launch.app} has not loaded for ${seconds} s: its top level may wait for what never comes. Ctrl-C stops.`;
  return whileSlow(soon, late, onProgress, configSlowAfterMs);
}

/** A clean stop ends the process as well, and needs no words. */
function sayWhoExits(reason: ThroughlineError): void {
  if (isStopping) return;
  process.exitCode = 1;
  reportFailure(reason);
}

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  stopping.abort();
  if (!hasBegun) process.exit(defects.exitCode);
  // The launcher sees to the time as well, while there is one.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), stopWithinMs).unref();
  // Why a start has failed is said below, once.
  const started = await valueUnlessFailed(starting);
  if (started === undefined) return;
  try {
    await started.server.close();
    process.exit(defects.exitCode);
  } catch (error) {
    reject(error);
  }
}

function readyMessage(config: ResolvedConfig, server: RunningServer): ServerMessage {
  return {
    type: 'ready',
    http: server.url,
    httpPort: server.port,
    kafka: server.kafka,
    dataDir: config.dataDir,
    log: config.log,
    answersBy: answersBy(config),
    startedMs: performance.now(),
  };
}

function answersBy({ app, model, docs, modelId, modelUrl }: ResolvedConfig): string {
  const answer = app.answer ?? answerFunction;
  if (!Object.hasOwn(app.functions, answer)) return `nobody: no function is named ${answer}`;
  return model === 'docs' ? `the docs model, from ${docs}` : `${modelId} at ${modelUrl}`;
}

/** Says what is wrong, and ends the process whatever is still open in it. */
function reject(error: unknown): void {
  isStopping = true;
  const known = ThroughlineError.from(error);
  if (known.code === 'INTERNAL') sayLines(String(error instanceof Error ? error.stack : error));
  reportFailure(known, () => process.exit(1));
}

/** To the launcher, where there is one. */
function reportFailure({ code, message, remedy, retriable }: ThroughlineError, onSaid = (): void => {}): void {
  const failed: ServerMessage = { type: 'failed', error: { code, message, remedy, retriable } };
  if (process.connected) process.send?.(failed, onSaid);
  else say(failureLine(failed.error), onSaid);
}

function tell(message: ServerMessage): void {
  if (process.connected) process.send?.(message);
}
