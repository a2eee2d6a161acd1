// The wait of a command that serves until SIGINT or SIGTERM. The first signal asks for a clean stop, which is bounded in
// time; a second one ends the process at once. npm and a terminal may both deliver one Ctrl-C: signals that come almost
// together count as one.
import { signalOnceWithinMs, stopWithinMs } from '../defaults.ts';
import { say } from '../terminal/output.ts';

/** Resolves when a stop is asked for; from then on the process ends in bounded time. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = (): void => {
      const nowMs = performance.now();
      if (firstMs === undefined) {
        firstMs = nowMs;
        setTimeout(() => {
          say(`The stop took longer than ${stopWithinMs / 1000} s and was ended; nothing acknowledged is lost.`);
          process.exit(1);
        }, stopWithinMs).unref();
        resolve();
      } else if (nowMs - firstMs > signalOnceWithinMs) {
        process.exit(1);
      }
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
