// A process whose supervisor was killed ends by itself when its pipe closes, unless it is in an endless loop and never
// looks. Its id and process id stand on the log, so the next supervisor can find it. A process id may belong to somebody
// else by now, and the record may be a stranger's: what is killed has to be an environment by its command line or variables, and
// the very one that the record names.
import { isUlid, type Logger } from '@throughline/event';
import { bootstrapPath, pythonModule } from './launch-command.ts';
import { commandLine, environmentOf } from './resident-memory.ts';

/** Kills the process group of an environment of a dead supervisor, if it is still there. */
export function killOrphan(environment: { readonly id: string; readonly pid: number }, logger: Logger): void {
  const { id, pid } = environment;
  const words = pid > 1 && isUlid(id) ? (commandLine(pid) ?? []) : [];
  const isOurs = (words.includes(bootstrapPath) || words.includes(pythonModule)) && words.includes(id);
  // A custom runtime has a command line of its own, and Lambda's variables.
  const isProvided = (): boolean => environmentOf(pid).includes(`AWS_LAMBDA_LOG_STREAM_NAME=${id}`);
  if (!isOurs && (words.length === 0 || !isProvided())) return;
  try {
    process.kill(-pid, 'SIGKILL');
    logger.warn({ pid, environment: id }, 'environment of a dead supervisor was killed');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Where there is none any more it has ended in between. One that is not ours to kill must not keep a start from going on.
    if (code !== 'ESRCH') logger.error({ pid, environment: id, reason: message }, 'an environment could not be killed');
  }
}
