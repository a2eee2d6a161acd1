// What runs inside an environment's process: it loads the function once and then serves invocations that come as frames
// on file descriptor 3. It is started by environment.ts as
//
//   node [flags] main.ts <entry> <handler> <environment id>
//
// The process ends itself when the pipe closes: no environment outlives its supervisor.
import { AsyncLocalStorage } from 'node:async_hooks';
import module from 'node:module';
import { Socket } from 'node:net';
import { contextOf } from './context.ts';
import { awsLambda, loadHandler, type Handler } from './handler.ts';
import { ResponseStream } from './response-stream.ts';
import { encodeFrame, FrameDecoder, type ErrorPayload, type FrameType, type InvokePayload } from '../framed-pipe.ts';

const invokeBytesMax = 64 * 1024 * 1024;
/** Longest name, message and trace of an error that is reported. */
const errorTextLengthMax = 16 * 1024;
/** Stands for what a handler that streams returns, which nobody gets. */
const streamed = Symbol('streamed');
/** As Lambda's runtime: the process ends with it after an error that no handler caught. */
const exitCodeUncaught = 129;

const [entry, handlerName = 'handler'] = process.argv.slice(2);
const pipe = new Socket({ fd: 3, readable: true, writable: true });
const decoder = new FrameDecoder(invokeBytesMax);
interface RunningCall {
  readonly abort: AbortController;
  readonly stream: ResponseStream | undefined;
}
const running = new Map<number, RunningCall>();
const current = new AsyncLocalStorage<number>();
let handler: Handler | undefined;
/** Invocations that came before the handler was loaded. */
const early: [number, InvokePayload][] = [];

pipe.on('data', (bytes) => {
  for (const { type, invocation, payload } of decoder.push(bytes)) {
    if (type === 'invoke') {
      const request = JSON.parse(payload.toString()) as InvokePayload;
      if (handler === undefined) early.push([invocation, request]);
      else serve(handler, invocation, request);
    } else if (type === 'cancel') cancel(invocation);
    else if (type === 'ping') send('pong', 0);
  }
});
pipe.on('close', () => process.exit(0));
pipe.on('error', () => process.exit(0));
process.on('uncaughtException', (error) => endWith(error, 'uncaughtException'));
process.on('unhandledRejection', (reason) => endWith(reason, 'unhandledRejection'));
// A terminal's Ctrl-C and a service manager's SIGTERM reach the supervisor, which decides what becomes of the runs.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

globalThis.awslambda = awsLambda;
/** What keeps the process busy without any invocation, by name; undefined where nobody asks what invocations leave behind. */
let resourcesAtReady: ReadonlyMap<string, number> | undefined;
try {
  handler = await loadHandler(entry ?? '', handlerName);
  if (process.env['THROUGHLINE_REPORTS_LEAKS'] === '1') {
    // They are opened when they are first used, which is nobody's leak.
    for (const output of [process.stdout, process.stderr]) output.write('');
    resourcesAtReady = countResources();
  }
  send('ready', 0);
  for (const [invocation, request] of early.splice(0)) serve(handler, invocation, request);
  // The process usually ends by a signal, which would lose the compile cache that it has made.
  setImmediate(() => module.flushCompileCache());
} catch (error) {
  pipe.write(encodeFrame('init-error', 0, JSON.stringify(describe(error))), () => process.exit(1));
}

function serve(handler: Handler, invocation: number, { event, ...request }: InvokePayload): void {
  const abort = new AbortController();
  const context = contextOf(process.env, { ...request, signal: abort.signal });
  const stream = handler.isStreaming
    ? new ResponseStream(
        {
          head: (payload) => send('head', invocation, payload),
          data: (bytes, done) => void pipe.write(encodeFrame('data', invocation, bytes), done),
        },
        handler.highWaterMark,
      )
    : undefined;
  running.set(invocation, { abort, stream });
  current.run(invocation, () => {
    // An async function, so that a handler that throws at once is no different from one that rejects.
    const answer = async (): Promise<unknown> =>
      handler.isStreaming ? handler.call(event, stream!, context) : handler.call(event, context);
    answer().then(
      (value) => returned(invocation, handler.isStreaming ? streamed : value),
      (error: unknown) => threw(invocation, error),
    );
  });
}

function returned(invocation: number, value: unknown): void {
  whenPassedOn(running.get(invocation)?.stream, () => {
    const call = running.get(invocation);
    if (call === undefined) return;
    running.delete(invocation);
    tellLeaks(invocation);
    const failure = failureOf(call);
    if (failure !== undefined) {
      send('threw', invocation, describe(failure));
      return;
    }
    let text: string | undefined;
    try {
      text = value === streamed ? '' : JSON.stringify(value);
    } catch (error) {
      // What a handler returned may have no JSON form; the type is that of AWS's runtime.
      send('threw', invocation, { ...describe(error), errorType: 'Runtime.JSONStringifyError' });
      return;
    }
    // What has no JSON (nothing, a function) is null, as on Lambda.
    pipe.write(encodeFrame('returned', invocation, text ?? 'null'));
  });
}

/** Why what a handler has streamed is not the whole of it, where nobody has asked it to end. */
function failureOf({ stream, abort }: RunningCall): Error | undefined {
  if (stream === undefined || abort.signal.aborted || !stream.destroyed) return undefined;
  if (stream.errored !== null) return stream.errored;
  return stream.writableFinished ? undefined : new Error('the response stream was destroyed before its end');
}

function threw(invocation: number, error: unknown): void {
  whenPassedOn(running.get(invocation)?.stream, () => {
    if (!running.delete(invocation)) return;
    tellLeaks(invocation);
    send('threw', invocation, describe(error));
  });
}

/** Timers, connections and the like that an invocation has begun and not ended: what is there now and was not at the start. */
function tellLeaks(invocation: number): void {
  // Beside others nobody can tell whose they are.
  if (resourcesAtReady === undefined || running.size > 0) return;
  const leaks = [...countResources()].flatMap(([name, count]): [string, number][] => {
    const more = count - (resourcesAtReady?.get(name) ?? 0);
    return more > 0 ? [[name, more]] : [];
  });
  if (leaks.length > 0) send('leaked', invocation, leaks);
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    // What is due in this turn has run long before anybody freezes the process.
    if (name !== 'Immediate') counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Calls back when all that was written so far has left: it stands in front of the end of its invocation. */
function whenPassedOn(stream: ResponseStream | undefined, action: () => void): void {
  if (stream === undefined || stream.destroyed || stream.writableFinished) action();
  else if (stream.writableEnded) stream.once('close', action);
  else if (stream.writableLength === 0) action();
  else stream.write('', action);
}

function cancel(invocation: number): void {
  const found = running.get(invocation);
  if (found === undefined) return;
  found.abort.abort(new DOMException('The invocation was cancelled.', 'AbortError'));
  found.stream?.destroy();
}

/** Something threw where no handler could catch it: its invocation failed, and the process cannot be trusted. */
function endWith(error: unknown, origin: string): void {
  const invocation = current.getStore() ?? (running.size === 1 ? running.keys().next().value : undefined);
  process.stderr.write(`${origin}: ${describe(error).trace.join('\n')}\n`);
  send('ending', 0);
  const frame =
    invocation === undefined || !running.has(invocation)
      ? undefined
      : encodeFrame('threw', invocation, JSON.stringify(describe(error)));
  if (frame === undefined) process.exit(exitCodeUncaught);
  pipe.write(frame, () => process.exit(exitCodeUncaught));
}

function describe(error: unknown): ErrorPayload {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: cut(error), trace: [] };
  const code = (error as { code?: unknown }).code;
  return {
    errorType: cut(error.name),
    errorMessage: cut(error.message),
    trace: cut(error.stack ?? '').split('\n'),
    ...(typeof code === 'string' ? { code } : {}),
  };
}

/** Errors like to carry whole documents; a frame and a record have their limits. */
function cut(value: unknown): string {
  return inspect(value).slice(0, errorTextLengthMax);
}

function inspect(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    // A value that cannot be written as JSON (a cycle, a BigInt) still has a name.
    return Object.prototype.toString.call(value);
  }
}

function send(type: FrameType, invocation: number, payload?: unknown): void {
  pipe.write(encodeFrame(type, invocation, payload === undefined ? '' : JSON.stringify(payload)));
}
