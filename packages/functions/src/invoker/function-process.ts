// The operating system process of an environment: its start, its pipes or its Runtime API, and its end with all that it has
// started. It knows frames and lines, and nothing of what they mean.
import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { listening, type Clock, type Logger } from '@throughline/event';
import { limits, pipeDrainMs } from '../defaults.ts';
import { encodeFrame, FrameDecoder, type Frame, type FrameType } from './framed-pipe.ts';
import { launchCommand, type LaunchOptions } from './launch-command.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Machine } from './machine.ts';
import { RuntimeApi } from './runtime-api.ts';

export interface FunctionProcessOptions {
  readonly launch: LaunchOptions;
  readonly variables: Readonly<Record<string, string>>;
  /** Invocations that it serves at once. */
  readonly invocationsMax: number;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly logger: Logger;
  readonly onFrame: (frame: Frame) => void;
  /** What came on the pipe is no frame; no more frames follow. */
  onGarbage(problem: string): void;
  /** A line that it printed. */
  readonly onLine: (line: string) => void;
  /** It has ended, and its pipes have been read to their end. */
  onGone(exitCode: number | null, signal: string | null): void;
}

/** The operating system has started no process. */
export class SpawnFailed extends Error {
  /** Its own words, which come a little later. */
  readonly reason: Promise<string>;

  constructor(reason: Promise<string>) {
    super('the operating system started no process');
    this.reason = reason;
  }
}

export class FunctionProcess {
  readonly pid: number;
  /** It has ended; its pipes may have more to read. */
  hasExited = false;
  readonly #options: FunctionProcessOptions;
  readonly #process: ChildProcess;
  readonly #pipe: Duplex | undefined;
  /** Of its standard output and its standard error. */
  readonly #splitters: LineSplitter[] = [];
  readonly #decoder = new FrameDecoder(limits.frameBytesMax);
  /** Where it speaks AWS's Runtime API. The pipe then tells it the address only. */
  readonly #api: RuntimeApi | undefined;
  #isGone = false;

  /** @throws SpawnFailed, or what the machine throws, when it cannot be started */
  constructor(options: FunctionProcessOptions) {
    this.#options = options;
    const { launch, machine, variables } = options;
    const { file, words } = launchCommand(launch);
    this.#process = machine.spawn(file, words, {
      cwd: launch.codeDir,
      env: { ...variables },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A process group of its own: killing it takes along what the function may have started.
      detached: true,
    });
    const failed = new Promise<string>((resolve) => this.#process.on('error', ({ message }) => resolve(message)));
    // What cannot be started has no process id at once, and its reason a little later. Where descriptors are what is missing
    // it has no pipes either: Node's ChildProcess.spawn returns before it makes them.
    if (this.#process.pid === undefined) throw new SpawnFailed(failed);
    this.pid = this.#process.pid;
    this.#pipe = (this.#process.stdio[3] as Duplex | null | undefined) ?? undefined;
    this.#api = launch.runtime.kind === 'provided' ? this.#openApi() : undefined;
    this.#listen();
  }

  /** Whether what runs in it prints the errors of its function, as AWS's runtimes do. */
  get printsErrors(): boolean {
    return this.#api !== undefined;
  }

  /** @param fieldsJson what it is told beside the event, as a JSON object that is not empty */
  invoke(invocation: number, fieldsJson: string, eventJson: string): void {
    if (this.#api !== undefined) this.#api.invoke(invocation, fieldsJson, eventJson);
    else this.#send('invoke', invocation, `${fieldsJson.slice(0, -1)},"event":${eventJson}}`);
  }

  /** Nobody waits for an invocation any more. The Runtime API has no word for that. */
  cancel(invocation: number): void {
    if (this.#api === undefined) this.#send('cancel', invocation);
  }

  /** Asks for a `pong`. At the Runtime API nobody is asked: several invocations are the runtime's own affair. */
  ping(): void {
    if (this.#api === undefined) this.#send('ping', 0);
    else this.#options.onFrame({ type: 'pong', invocation: 0, payload: Buffer.alloc(0) });
  }

  /** Stops or goes on reading what it says. */
  pause(isPaused: boolean): void {
    if (this.#api !== undefined) this.#api.pause(isPaused);
    else if (isPaused) this.#pipe?.pause();
    else if (this.#pipe?.isPaused() === true) this.#pipe.resume();
  }

  /** Closes the pipe, by which an idle process knows that it is to end. A runtime that polls is killed, as on AWS. */
  closePipe(): void {
    this.#pipe?.destroy();
    if (this.#api !== undefined) this.kill();
  }

  /** Ends the lines that have no line break yet: what follows is another invocation's. */
  flushLines(): void {
    for (const splitter of this.#splitters) splitter.end().forEach(this.#options.onLine);
  }

  /** Stops it and all that it has started, or has them go on. @returns whether they were reached */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): boolean {
    return this.#options.machine.signalGroup(this.#process, signal);
  }

  /** Kills it and all that it has started. */
  kill(): void {
    this.#options.machine.killGroup(this.#process);
  }

  #listen(): void {
    const { onLine, clock, logger } = this.#options;
    const child = this.#process;
    const gone = (): void => this.#onGone();
    child.on(
      'exit',
      listening(logger, 'the exit of a function', () => {
        this.hasExited = true;
        this.kill();
        clock.after(pipeDrainMs, gone);
      }),
    );
    // 'close' comes when the pipes have been read to their end, so nothing that it wrote before its death is missed.
    const drained = (): void => (this.#api === undefined ? gone() : this.#api.whenDisconnected(gone));
    child.on('close', listening(logger, 'the end of a function', drained));
    const onBytes = (bytes: Buffer): void => this.#onBytes(bytes);
    this.#pipe?.on('data', listening(logger, 'reading the pipe of a function', onBytes));
    // A broken pipe says what 'exit' says as well.
    this.#pipe?.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      const splitter = new LineSplitter(limits.logLineLengthMax);
      this.#splitters.push(splitter);
      const onText = (bytes: Buffer): void => splitter.push(bytes).forEach(onLine);
      stream?.on('data', listening(logger, 'reading the output of a function', onText));
      stream?.on(
        'end',
        listening(logger, 'reading the output of a function', () => splitter.end().forEach(onLine)),
      );
      stream?.on('error', () => {});
    }
  }

  #send(type: FrameType, invocation: number, payload?: string): void {
    this.#pipe?.write(encodeFrame(type, invocation, payload));
  }

  #openApi(): RuntimeApi {
    const { clock, logger, variables, invocationsMax, onFrame } = this.#options;
    const { AWS_REGION = 'us-east-1', AWS_LAMBDA_FUNCTION_NAME: name } = variables;
    return new RuntimeApi({
      clock,
      logger,
      invocationsMax,
      functionArn: `arn:aws:lambda:${AWS_REGION}:000000000000:function:${name}`,
      onAddress: (address) => this.#pipe?.end(address === undefined ? '' : `${address}\n`),
      onFrame,
      // It is to end by itself, as its contract says.
      onInitError: () => clock.after(pipeDrainMs, () => this.hasExited || this.kill()),
    });
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
    this.#api?.close();
    this.#options.onGone(this.#process.exitCode, this.#process.signalCode);
  }
}
