// Starts a supervisor in a process of its own (supervisor-child.ts), and can kill it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SupervisorChildOptions, SupervisorNews } from './supervisor-child.ts';

export class SupervisorProcess {
  owner = '';
  /** Those whose runs it starts, as it has told last. */
  partitions: readonly number[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(options: SupervisorChildOptions) {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    this.#child = spawn(
      process.execPath,
      [
        '--conditions=throughline-source',
        '--disable-warning=ExperimentalWarning',
        path.join(import.meta.dirname, 'supervisor-child.ts'),
        JSON.stringify(options),
      ],
      { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    this.#child.on('message', (news: SupervisorNews) => {
      this.owner = news.owner;
      this.partitions = news.partitions;
    });
    this.#ended = once(this.#child, 'exit');
  }

  /** Takes its processor away for `ms`, as a machine does that is suspended: its sessions and leases run out meanwhile. */
  async freeze(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await pause(ms);
    this.#child.kill('SIGCONT');
  }

  /** Ends it at once, as a crash does, or as it should end. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
    this.partitions = [];
  }
}
