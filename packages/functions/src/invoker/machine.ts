// What environments need of the operating system: a folder each, and a process. It is handed in, so that a test can have
// it fail as a full disk, a full process table or a lack of descriptors would.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';

export interface Machine {
  /** Makes a folder that is its owner's alone, and those above it. */
  makeDir(path: string): void;
  removeDir(path: string): Promise<void>;
  isDir(path: string): boolean;
  /** The text of a small file. */
  readText(path: string): string;
  spawn(command: string, words: readonly string[], options: SpawnOptions): ChildProcess;
  /** Kills a process that leads a group, and its group. */
  killGroup(leader: ChildProcess): void;
  /** Stops a group, or has it go on. @returns whether it was reached */
  signalGroup(leader: ChildProcess, signal: 'SIGSTOP' | 'SIGCONT'): boolean;
}

export const systemMachine: Machine = {
  makeDir: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  removeDir: (path) => rm(path, { recursive: true, force: true }),
  isDir: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  readText: (path) => readFileSync(path, 'utf8'),
  spawn: (command, words, options) => spawn(command, words, options),
  killGroup(leader) {
    try {
      if (leader.pid !== undefined) process.kill(-leader.pid, 'SIGKILL');
    } catch {
      // No process of the group is left, or the group is not ours to signal: the process itself still may be.
      leader.kill('SIGKILL');
    }
  },
  signalGroup(leader, signal) {
    try {
      if (leader.pid === undefined || leader.exitCode !== null || leader.signalCode !== null) return false;
      return process.kill(-leader.pid, signal);
    } catch {
      // It has gone, or is not ours to signal.
      return false;
    }
  },
};
