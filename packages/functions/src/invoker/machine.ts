// What environments need of the operating system: a folder each, and a process. It is handed in, so that a test can have
// it fail as a full disk, a full process table or a lack of descriptors would.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';

export interface Machine {
  /** Makes a folder that is its owner's alone, and those above it. */
  makeDir(path: string): void;
  removeDir(path: string): Promise<void>;
  isDir(path: string): boolean;
  spawn(command: string, words: readonly string[], options: SpawnOptions): ChildProcess;
  /** Kills a process that leads a group, and its group. */
  killGroup(leader: ChildProcess): void;
}

export const systemMachine: Machine = {
  makeDir: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  removeDir: (path) => rm(path, { recursive: true, force: true }),
  isDir: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  spawn: (command, words, options) => spawn(command, words, options),
  killGroup(leader) {
    try {
      if (leader.pid !== undefined) process.kill(-leader.pid, 'SIGKILL');
    } catch {
      // No process of the group is left, or the group is not ours to signal: the process itself still may be.
      leader.kill('SIGKILL');
    }
  },
};
