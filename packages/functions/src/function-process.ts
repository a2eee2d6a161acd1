// The operating system process of an environment: its start, its pipes, and its end with all that it has started. It
// knows frames and lines, and nothing of what they mean.
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listening, type Clock, type Logger } from '@throughline/event';
import { limits, oldSpaceShare, pipeDrainMs } from './defaults.ts';
import { encodeFrame, FrameDecoder, type Frame, type FrameType } from './framed-pipe.ts';
import { LineSplitter } from './line-splitter.ts';

export interface FunctionProcessOptions {
  readonly environmentId: string;
  readonly entry: string;
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly clock: Clock;
  readonly logger: Logger;
  onFrame(frame: Frame): void;
  /** What came on the pipe is no frame; no more frames follow. */
  onGarbage(problem: string): void;
  /** A line that it printed. */
  readonly onLine: (line: string) => void;
  /** It could not be started at all. */
  onSpawnFailed(error: Error): void;
  /** It has ended, and its pipes have been read to their end. */
  onGone(exitCode: number | null, signal: string | null): void;
}

/** What an environment's process runs. */
export const bootstrapPath: string = fileURLToPath(
  new URL(`./bootstrap/main${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);

export class FunctionProcess {
  /** 0 when it could not be started. */
  readonly pid: number;
  /** It has ended; its pipes may have more to read. */
  hasExited = false;
  readonly #options: FunctionProcessOptions;
  readonly #process: ChildProcess;
  readonly #pipe: Socket | undefined;
  readonly #decoder = new FrameDecoder(limits.frameBytesMax);
  #isGone = false;

  constructor(options: FunctionProcessOptions) {
    this.#options = options;
    const oldSpaceMb = Math.max(16, Math.floor(options.memoryMb * oldSpaceShare));
    this.#process = spawn(
      process.execPath,
      [
        ...importConditions(),
        `--max-old-space-size=${oldSpaceMb}`,
        '--disable-warning=ExperimentalWarning',
        bootstrapPath,
        options.entry,
        options.handler,
        // Not used by the process: it tells which environment a process id belongs to (orphans.ts).
        options.environmentId,
      ],
      {
        cwd: path.dirname(options.entry),
        env: { ...options.variables },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        // A process group of its own: killing it takes along what the function may have started.
        detached: true,
      },
    );
    this.pid = this.#process.pid ?? 0;
    this.#pipe = (this.#process.stdio[3] as Socket | null) ?? undefined;
    this.#listen();
  }

  send(type: FrameType, invocation: number, payload?: string): void {
    this.#pipe?.write(encodeFrame(type, invocation, payload));
  }

  /** Stops or goes on reading frames. */
  pause(isPaused: boolean): void {
    if (isPaused) this.#pipe?.pause();
    else if (this.#pipe?.isPaused() === true) this.#pipe.resume();
  }

  /** Closes the pipe, by which an idle process knows that it is to end. */
  closePipe(): void {
    this.#pipe?.destroy();
  }

  /** Kills it and all that it has started. */
  kill(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // No process of the group is left.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #listen(): void {
    const options = this.#options;
    const child = this.#process;
    const gone = (): void => this.#onGone();
    const heard = <Arguments extends readonly unknown[]>(listener: (...args: Arguments) => void) =>
      listening(options.logger, 'hearing of a process of a function', listener);
    const onFailed = (error: Error): void => {
      options.onSpawnFailed(error);
      if (child.pid === undefined) gone();
    };
    const onExit = (): void => {
      this.hasExited = true;
      options.clock.after(pipeDrainMs, gone);
      this.kill();
    };
    child.on('error', heard(onFailed));
    child.on('exit', heard(onExit));
    // 'close' comes when the pipes have been read to their end, so nothing that it wrote before its death is missed.
    child.on('close', heard(gone));
    this.#pipe?.on(
      'data',
      heard((bytes: Buffer) => this.#onBytes(bytes)),
    );
    // A broken pipe says what 'exit' says as well.
    this.#pipe?.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      const splitter = new LineSplitter(limits.logLineLengthMax);
      stream?.on(
        'data',
        heard((bytes: Buffer) => splitter.push(bytes).forEach(options.onLine)),
      );
      stream?.on(
        'end',
        heard(() => splitter.end().forEach(options.onLine)),
      );
      stream?.on('error', () => {});
    }
  }

  #onBytes(bytes: Buffer): void {
    const wasSound = this.#decoder.problem === undefined;
    for (const frame of this.#decoder.push(bytes)) this.#options.onFrame(frame);
    const { problem } = this.#decoder;
    if (problem !== undefined && wasSound) this.#options.onGarbage(problem);
  }

  #onGone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#pipe?.destroy();
    this.#options.onGone(this.#process.exitCode, this.#process.signalCode);
  }
}

/** Export conditions that this process was started with: a function must resolve the same files as its supervisor. */
function importConditions(): string[] {
  const conditions: string[] = [];
  process.execArgv.forEach((flag, index, flags) => {
    if (flag.startsWith('--conditions=')) conditions.push(flag);
    else if (flag === '-C' || flag === '--conditions') conditions.push(`--conditions=${flags[index + 1]}`);
  });
  return conditions;
}
