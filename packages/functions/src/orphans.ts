// A process whose supervisor was killed ends by itself when its pipe closes, unless it is in an endless loop and never
// looks. Its id and process id stand on the log, so the next supervisor can find it. A process id may belong to somebody
// else by now; the environment's id on its command line tells.
import type { Logger } from '@throughline/event';
import { commandLine } from './resident-memory.ts';

/** Kills the process group of an environment of a dead supervisor, if it is still there. */
export function killOrphan(environment: { readonly id: string; readonly pid: number }, logger: Logger): void {
  const { id, pid } = environment;
  if (pid <= 1 || commandLine(pid)?.includes(id) !== true) return;
  try {
    process.kill(-pid, 'SIGKILL');
    logger.warn({ pid, environment: id }, 'environment of a dead supervisor was killed');
  } catch (error) {
    // It ended in between.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
