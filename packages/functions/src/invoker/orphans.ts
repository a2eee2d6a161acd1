// A process whose supervisor was killed ends by itself when its pipe closes, unless it is in an endless loop and never
// looks. Its id and process id stand on the log, so the next supervisor can find it. A process id may belong to somebody
// else by now, and the record may be a stranger's: what is killed has to be an environment by its own command line, and
// the very one that the record names.
import { isUlid, type Logger } from '@throughline/event';
import { bootstrapPath, pythonModule } from './launch-command.ts';
import { commandLine } from './resident-memory.ts';

/** Kills the process group of an environment of a dead supervisor, if it is still there. */
export function killOrphan(environment: { readonly id: string; readonly pid: number }, logger: Logger): void {
  const { id, pid } = environment;
  const words = pid > 1 && isUlid(id) ? (commandLine(pid) ?? []) : [];
  const isEnvironment = words.includes(bootstrapPath) || words.includes(pythonModule);
  if (!isEnvironment || !words.includes(id)) return;
  try {
    process.kill(-pid, 'SIGKILL');
    logger.warn({ pid, environment: id }, 'environment of a dead supervisor was killed');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Where there is none any more it has ended in between. One that is not ours to kill must not keep a start from going on.
    if (code !== 'ESRCH') logger.error({ pid, environment: id, reason: message }, 'an environment could not be killed');
  }
}
