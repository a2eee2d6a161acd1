// Starts a broker in a process of its own (broker-child.ts), can kill it and start it again on the same folder and port, and can
// let its disk and its clock go wrong.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Misfortune, MisfortuneReport } from './broker-child.ts';

/** A busy machine takes its time. */
const answerMs = 10_000;

export class BrokerProcess implements AsyncDisposable {
  readonly dataDir: string;
  readonly #options: Readonly<Record<string, unknown>>;
  #child: ChildProcess | undefined;
  #address = '';

  private constructor(options: Readonly<Record<string, unknown>>) {
    this.dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-broker-'));
    this.#options = options;
  }

  /** `options` are those of createBroker, as far as JSON can say them. */
  static async start(options: Readonly<Record<string, unknown>> = {}): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options);
    await broker.start();
    return broker;
  }

  get address(): string {
    return this.#address;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Begins (again), on the port it had before. */
  async start(): Promise<void> {
    const port = Number(this.#address.split(':')[1] ?? 0);
    const options = JSON.stringify({ dataDir: this.dataDir, port, ...this.#options });
    const child = spawn(
      process.execPath,
      ['--conditions=throughline-source', path.join(import.meta.dirname, 'broker-child.ts'), options],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );
    this.#child = child;
    const lines = createInterface({ input: child.stdout! });
    const line = await Promise.race([
      once(lines, 'line').then(([text]) => String(text)),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the broker ended with ${String(code)}`))),
    ]);
    this.#address = line;
  }

  /** Ends it at once, as a crash does, or as it should end. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Resolves once it has come about. */
  async meet(misfortune: Misfortune): Promise<MisfortuneReport> {
    const child = this.#child!;
    const answered = once(child, 'message', { signal: AbortSignal.timeout(answerMs) });
    child.send(misfortune);
    const [report] = (await answered) as [MisfortuneReport];
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
