// SIGINT and SIGTERM of the launcher, passed on to the server: the first as a clean stop, the second as its end at once.
import type { ChildProcess } from 'node:child_process';
import { watchSignals, type SignalWatch } from '../signal-watch.ts';

export interface StopSignals extends SignalWatch {
  /** Whether the server had to be ended because its clean stop took too long. */
  readonly isOverdue: boolean;
}

export function passStopSignals(server: ChildProcess): StopSignals {
  let isOverdue = false;
  const watch = watchSignals({
    onStop: () => server.kill('SIGTERM'),
    onOverdue: () => {
      isOverdue = true;
      server.kill('SIGKILL');
    },
    onSecond: () => server.kill('SIGKILL'),
  });
  return {
    get isStopping() {
      return watch.isStopping;
    },
    get isOverdue() {
      return isOverdue;
    },
    close: () => watch.close(),
  };
}
