// SIGINT and SIGTERM of the launcher, passed on to the server. The first is a clean stop, bounded in time; the second stops
// it at once. npm and a terminal may both deliver the same Ctrl-C, so signals that come almost together count as one.
import type { ChildProcess } from 'node:child_process';
import { signalOnceWithinMs, stopWithinMs } from '../defaults.ts';

export interface StopSignals {
  /** Whether somebody asked for a stop. */
  readonly isStopping: boolean;
  /** Whether the server had to be ended because its clean stop took too long. */
  readonly isOverdue: boolean;
  /** Listens no more. */
  close(): void;
}

export function passStopSignals(server: ChildProcess): StopSignals {
  let firstMs: number | undefined;
  let isOverdue = false;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      server.kill('SIGTERM');
      timer = setTimeout(() => {
        isOverdue = true;
        server.kill('SIGKILL');
      }, stopWithinMs);
    } else if (nowMs - firstMs > signalOnceWithinMs) {
      server.kill('SIGKILL');
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get isStopping() {
      return firstMs !== undefined;
    },
    get isOverdue() {
      return isOverdue;
    },
    close() {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
