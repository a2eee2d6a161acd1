// Ends the processes that are stopped when their supervisor dies. A process that runs ends by itself when its pipe closes; one
// that SIGSTOP has stopped would stay for ever, for it never looks. So a shell waits beside the supervisor: it is told which
// processes there are, and when its own standard input ends, because the supervisor has, it kills them and their groups.
//
//   standard input, a line each:   + pid    there is such a process        - pid    it has ended
import type { ChildProcess } from 'node:child_process';
import type { Logger } from '@throughline/event';
import type { Machine } from './machine.ts';

const script = `
pids=
while read -r change pid; do
  case $change in
    +) pids="$pids $pid" ;;
    -) rest=; for one in $pids; do [ "$one" = "$pid" ] || rest="$rest $one"; done; pids=$rest ;;
  esac
done
for one in $pids; do kill -9 "-$one" 2>/dev/null; done
`;

export class Reaper {
  readonly #shell: ChildProcess | undefined;
  #isAlive = false;

  constructor(machine: Machine, logger: Logger) {
    try {
      // Away from the supervisor's process group: what ends that must not end this first.
      this.#shell = machine.spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    } catch {
      // As with 'error' below: without a shell nothing is frozen.
      return;
    }
    this.#isAlive = this.#shell.pid !== undefined;
    const gone = (reason: string) => (): void => {
      if (this.#isAlive) logger.error({ reason }, 'idle processes are not frozen any more: nobody would end them');
      this.#isAlive = false;
    };
    this.#shell.on('error', gone('the shell that watches over them could not be started'));
    this.#shell.on('exit', gone('the shell that watches over them has ended'));
    this.#shell.stdin?.on('error', gone('the shell that watches over them does not listen'));
    // It is nobody's reason to stay.
    this.#shell.unref();
  }

  /** Whether stopped processes would be ended. */
  get isAlive(): boolean {
    return this.#isAlive;
  }

  add(pid: number): void {
    this.#tell(`+ ${pid}\n`);
  }

  delete(pid: number): void {
    this.#tell(`- ${pid}\n`);
  }

  /** Ends it; whatever it was told of and is still there is killed. */
  close(): void {
    this.#isAlive = false;
    this.#shell?.stdin?.end();
  }

  #tell(line: string): void {
    if (this.#isAlive) this.#shell?.stdin?.write(line);
  }
}
