// What the tests of the invoker share: processes that are made up, which say what the test wants, in any order, and end when it
// wants; and a machine that gives them, and can fail.
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { systemRandom, ulids, type LogFields, type Logger } from '@throughline/event';
import { VirtualClock } from '@throughline/testkit';
import { functionDefaults } from '../defaults.ts';
import { encodeFrame, FrameDecoder, type FrameType, type InvokePayload } from './framed-pipe.ts';
import type { InvocationRequest, InvocationSink, Settlement } from './invocation-contract.ts';
import { Invoker } from './invoker.ts';
import type { InvokerConfig } from './invoker-config.ts';
import type { Machine } from './machine.ts';

/** No process of any machine: they go up to 4,194,304. */
let nextPid = 5_000_000;

export class FakeProcess extends EventEmitter {
  readonly pid = nextPid++;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly invoked: (InvokePayload & { number: number })[] = [];
  readonly cancelled: number[] = [];
  readonly signals: string[] = [];
  variables: NodeJS.ProcessEnv = {};
  exitCode: number | null = null;
  signalCode: string | null = null;
  readonly #decoder = new FrameDecoder(1024 * 1024);
  readonly pipe: Duplex = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _encoding, done) => {
      for (const { type, invocation, payload } of this.#decoder.push(bytes)) {
        const number = invocation;
        if (type === 'invoke') this.invoked.push({ number, ...(JSON.parse(payload.toString()) as InvokePayload) });
        else if (type === 'cancel') this.cancelled.push(number);
      }
      done();
    },
  });
  readonly stdio = [null, this.stdout, this.stderr, this.pipe];

  /** Says something of its `which`th invocation, counted from 1. */
  says(type: FrameType, which = 0, payload: unknown = ''): void {
    const raw = typeof payload === 'string' || Buffer.isBuffer(payload);
    this.pipe.push(encodeFrame(type, which, raw ? payload : JSON.stringify(payload)));
  }

  unref(): void {}

  ends(signal: string | null, code: number | null = null): void {
    if (this.exitCode !== null || this.signalCode !== null) return;
    this.signalCode = signal;
    this.exitCode = code;
    this.emit('exit', code, signal);
    this.emit('close', code, signal);
  }
}

export class FakeMachine implements Machine {
  readonly processes: FakeProcess[] = [];
  readonly shells: FakeProcess[] = [];
  readonly dirs = new Set<string>();
  /** Text by path. */
  readonly files = new Map<string, string>();
  /** Thrown by each attempt to make a folder. */
  dirError: Error | undefined;
  /** What starting a process does instead. */
  spawnInstead: (() => ChildProcess) | undefined;
  hasTaskRoot = true;
  starts = 0;

  makeDir(path: string): void {
    this.starts++;
    if (this.dirError !== undefined) throw this.dirError;
    this.dirs.add(path);
  }

  async removeDir(path: string): Promise<void> {
    this.dirs.delete(path);
  }

  isDir(): boolean {
    return this.hasTaskRoot;
  }

  readText(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw new Error('ENOENT');
    return text;
  }

  spawn(command: string, _words: readonly string[], { env = {} }: SpawnOptions): ChildProcess {
    if (this.spawnInstead !== undefined) return this.spawnInstead();
    const process = new FakeProcess();
    process.variables = env;
    // The shell that ends what is frozen when the supervisor dies.
    if (command === 'sh') {
      this.shells.push(process);
      return process as unknown as ChildProcess;
    }
    this.processes.push(process);
    return process as unknown as ChildProcess;
  }

  killGroup(leader: ChildProcess): void {
    setImmediate(() => (leader as unknown as FakeProcess).ends('SIGKILL'));
  }

  signalGroup(leader: ChildProcess, signal: 'SIGSTOP' | 'SIGCONT'): boolean {
    (leader as unknown as FakeProcess).signals.push(signal);
    return true;
  }

  last(): FakeProcess {
    return this.processes.at(-1)!;
  }
}

export class Listener implements InvocationSink {
  readonly heard: string[] = [];
  settlement: Settlement | undefined;
  taken: Promise<void> | undefined;

  started = (): void => void this.heard.push('started');
  head = (head: unknown): void => void this.heard.push(`head ${JSON.stringify(head)}`);
  write(bytes: Buffer): Promise<void> | undefined {
    this.heard.push(`write ${bytes.toString()}`);
    return this.taken;
  }
  ended = (settlement: Settlement): void => {
    this.heard.push(`ended ${settlement.error?.code ?? settlement.value ?? 'streamed'}`);
    this.settlement = settlement;
  };
}

export function open(config: Partial<InvokerConfig> = {}) {
  const clock = new VirtualClock();
  const machine = new FakeMachine();
  const logged: { fields: LogFields; message: string }[] = [];
  const note = (fields: LogFields, message: string): void => void logged.push({ fields, message });
  const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
  const newId = ulids(clock, systemRandom);
  const invoker = new Invoker({
    config: { name: 'f', entry: '/app/f.ts', env: {}, secrets: {}, ...functionDefaults, spareCount: 0, ...config },
    clock,
    logger,
    machine,
    newId,
    scratchDir: '/scratch',
    compileCacheDir: undefined,
  });
  let requests = 0;
  const invoke = (request: Partial<InvocationRequest> = {}, sink: InvocationSink = new Listener()) => {
    const stop = new AbortController();
    const settled = invoker.invoke({ requestId: `r${++requests}`, event: '{}', ...request }, sink, stop.signal);
    return { sink: sink as Listener, stop, settled };
  };
  return { clock, machine, invoker, invoke, logged };
}
