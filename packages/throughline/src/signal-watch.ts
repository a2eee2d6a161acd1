// SIGINT and SIGTERM of a process that serves. The first asks for a clean stop, which is bounded in time; a second one asks for
// the end at once. npm and a terminal may both deliver one Ctrl-C, so signals that come almost together count as one.
import { signalOnceWithinMs, stopWithinMs } from './defaults.ts';

export interface SignalListener {
  readonly onStop: () => void;
  /** The clean stop took too long. */
  readonly onOverdue: () => void;
  readonly onSecond: () => void;
}

export interface SignalWatch {
  /** Whether somebody asked for a stop. */
  readonly isStopping: boolean;
  /** Listens no more. */
  close(): void;
}

export function watchSignals({ onStop, onOverdue, onSecond }: SignalListener): SignalWatch {
  let firstMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      timer = setTimeout(onOverdue, stopWithinMs);
      timer.unref();
      onStop();
    } else if (nowMs - firstMs > signalOnceWithinMs) onSecond();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    get isStopping() {
      return firstMs !== undefined;
    },
    close() {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
