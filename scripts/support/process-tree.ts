// The processes below one of ours, from Linux's /proc (proc(5)): `/proc/<pid>/task/<tid>/children` names the children that
// each thread has started.
import { globSync, readFileSync } from 'node:fs';

/** The ids of all processes below `pid`, children first. */
export function descendantsOf(pid: number): number[] {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((file) => {
    try {
      return readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      // The process has just ended.
      return [];
    }
  });
  return [...children, ...children.flatMap(descendantsOf)];
}

/** Ends every process below this one, as `kill -9` does; returns their ids. */
export function killDescendants(): number[] {
  const pids = descendantsOf(process.pid);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return pids;
}
